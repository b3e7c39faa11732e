"""Titles and names of authors, in the languages that a category's page mixes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Language to templates; {x} takes one of the category's words in that language.
_TEMPLATES: dict[str, tuple[str, ...]] = {
    "ko": (
        "오늘의 {x} 어땠나요?",
        "{x} 이렇게 하면 성공합니다",
        "처음 해본 {x} ㅋㅋㅋ",
        "엄마가 알려준 {x} 비법",
        "요즘 난리난 {x}",
        "{x} 끝까지 보세요 🔥",
        "친구랑 같이 {x} 해봤어요",
        "3분 만에 끝내는 {x}",
        "이게 진짜 {x}지",
        "{x} 연습 7일차 기록",
        "퇴근하고 {x} 한 판",
        "우리 동네 {x} 레전드",
    ),
    "en": (
        "when the {x} hits different 😭",
        "I tried this {x} for a week",
        "how to nail the {x} at home",
        "POV: your first {x}",
        "nobody talks about this {x}",
        "wait for the {x} at the end",
        "my dad does the {x} better than me",
        "the easiest {x} you will ever see",
    ),
    "ja": (
        "{x}やってみた",
        "今日の{x}はこれです",
        "はじめての{x}に挑戦しました",
        "みんなで{x}、最高すぎる",
        "{x}のコツを教えます",
    ),
    "es": (
        "así se hace el {x} en casa",
        "mi primera vez con {x} 😂",
        "¿quién más ama el {x}?",
        "el mejor {x} que vas a ver hoy",
        "no puedo parar con este {x}",
    ),
    "th": ("ลอง{x}ครั้งแรก สนุกมาก", "วันนี้มาทำ{x}กันค่ะ", "{x}แบบง่ายที่บ้าน", "ใครชอบ{x}บ้าง"),
    "vi": (
        "lần đầu thử {x} và cái kết",
        "hướng dẫn {x} tại nhà cho mọi người",
        "hôm nay mình làm {x} nhé",
        "{x} này vui quá",
    ),
    "id": (
        "coba {x} pertama kali, seru banget",
        "cara bikin {x} di rumah",
        "siapa yang suka {x} juga?",
        "{x} hari ini bareng teman",
    ),
    "pt": ("meu primeiro {x} e não deu certo", "como fazer {x} em casa hoje", "quem também ama {x}?"),
    "zh": ("第一次尝试{x}就成功了", "今天教大家{x}", "这个{x}太好看了吧"),
}

# Category to language to its words.
_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "main": {
        "ko": ("일상 브이로그", "강아지 산책", "메이크업", "출근길"),
        "en": ("morning routine", "room makeover", "road trip"),
        "ja": ("モーニングルーティン", "メイク"),
        "es": ("viaje", "maquillaje"),
        "th": ("แต่งหน้า", "เที่ยว"),
        "vi": ("trang điểm", "du lịch"),
        "id": ("makeup", "jalan-jalan"),
        "pt": ("maquiagem", "passeio"),
        "zh": ("化妆", "旅行"),
    },
    "dance": {
        "ko": ("커버 댄스", "안무 연습", "랜덤 플레이 댄스", "춤"),
        "en": ("shuffle", "choreo", "dance break"),
        "ja": ("ダンス", "振り付け"),
        "es": ("baile", "reto de baile"),
        "th": ("เต้น", "ท่าเต้นใหม่"),
        "vi": ("điệu nhảy", "vũ đạo"),
        "id": ("joget", "tarian"),
        "pt": ("passinho", "dança"),
        "zh": ("舞蹈", "编舞"),
    },
    "challenge": {
        "ko": ("챌린지", "물병 세우기", "손가락 챌린지", "눈싸움 내기"),
        "en": ("bottle flip", "ice challenge", "no-laugh challenge"),
        "ja": ("チャレンジ", "変顔対決"),
        "es": ("reto viral", "reto"),
        "th": ("ชาเลนจ์", "เกมท้าทาย"),
        "vi": ("thử thách", "trò chơi"),
        "id": ("tantangan", "gim seru"),
        "pt": ("desafio", "jogo"),
        "zh": ("挑战", "游戏"),
    },
    "food": {
        "ko": ("김치볶음밥", "떡볶이 먹방", "도시락 싸기", "라면"),
        "en": ("one-pan pasta", "street food", "cheese toast"),
        "ja": ("お弁当", "ラーメン"),
        "es": ("arroz con pollo", "postre"),
        "th": ("ส้มตำ", "อาหารไทย"),
        "vi": ("phở bò", "món ăn vặt"),
        "id": ("nasi goreng", "sambal"),
        "pt": ("bolo", "feijoada"),
        "zh": ("饺子", "火锅"),
    },
    "tts": {
        "ko": ("썰 풀기", "무서운 이야기", "사연 읽기", "연애 상담"),
        "en": ("scary story", "text message drama", "storytime"),
        "ja": ("怖い話", "恋バナ"),
        "es": ("historia de terror", "chisme"),
        "th": ("เรื่องผี", "เรื่องเล่า"),
        "vi": ("truyện ma", "chuyện tình"),
        "id": ("cerita horor", "curhat"),
        "pt": ("história de terror", "fofoca"),
        "zh": ("恐怖故事", "八卦"),
    },
}

_NICKNAMES: dict[str, tuple[str, ...]] = {
    "ko": (
        "춤추는 민지",
        "서연이네 일기",
        "먹방하는 곰돌이",
        "김대리의 하루",
        "하늘이랑 놀자",
        "부산 사나이",
        "댄스하는 지후",
        "요리하는 아빠",
    ),
    "en": ("Daily Jess", "The Real Tom", "Mia Moves", "Cooking with Ben", "Story Time Club"),
    "ja": ("さくらの日常", "ゆうきダンス部", "たべる花子"),
    "es": ("La Cocina de Lucía", "Baila con Mateo"),
    "th": ("น้องแพรวา", "ครัวคุณแม่"),
    "vi": ("Bé Na vui vẻ", "Bếp của Hương"),
    "id": ("Dapur Bunda Sari", "Rizky joget terus"),
    "pt": ("Cozinha da Ana", "João dança demais"),
    "zh": ("小美的厨房", "舞者阿明"),
}
_HASHTAGS = {
    "ko": ("#추천", "#챌린지", "#일상", "#fyp", "#fypシ", "#foryou"),
    "en": ("#fyp", "#foryou", "#viral", "#trend", "#xyzbca"),
}
_EMOJI = ("😂😂😂", "🔥🔥", "💃🕺", "😭", "🥹💕", "🍜✨", "👀", "😱😱")
_LANGUAGES = ("ko", "en", "ja", "es", "th", "vi", "id", "pt", "zh")
_LANGUAGE_SHARES = (0.30, 0.24, 0.11, 0.09, 0.07, 0.06, 0.06, 0.04, 0.03)


@dataclass(frozen=True)
class Text:
    """What a clip says.

    Attributes:
        title: "" where the author wrote none.
        nickname: The author's shown name.
        language: ISO 639-1 code of what the title says, or of the nickname where the title has no words.
    """

    title: str
    nickname: str
    language: str


def write(rng: np.random.Generator, category: str, language: str | None = None) -> Text:
    """Writes a clip's title and its author's name.

    Args:
        rng: Decides.
        category: Whose words to use.
        language: To write in this one; by default one is picked as often as a page shows it.
    """
    language = language or str(rng.choice(_LANGUAGES, p=_LANGUAGE_SHARES))
    title = _pick(rng, _TEMPLATES[language]).format(x=_pick(rng, _WORDS[category][language]))
    nickname = _pick(rng, _NICKNAMES[language])
    form = rng.random()
    if form < 0.07:
        title = ""
    elif form < 0.11:
        title = _pick(rng, _EMOJI)
    elif form < 0.15:
        title = " ".join(rng.choice(_HASHTAGS["en"], 3, replace=False))
    elif form < 0.23:  # Mixed scripts: the sentence decides, neither its hashtags nor the name.
        nickname = _pick(rng, _NICKNAMES["en" if language == "ko" else "ko"])
        title += " " + " ".join(rng.choice(_HASHTAGS["en"], 2, replace=False))
    elif form < 0.6:
        tags = _HASHTAGS["ko" if language == "ko" else "en"]
        title += " " + " ".join(rng.choice(tags, int(rng.integers(1, 4)), replace=False))
    return Text(title, nickname, language)


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[rng.integers(len(options))]
