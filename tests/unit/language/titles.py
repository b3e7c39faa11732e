"""Titles as people write them, and the language that each is in."""

ZERO_WIDTH = "\u200b"

# What any good provider must tell.
CLEAR = [
    ("ko", "오늘 저녁은 엄마가 해준 김치찌개"),
    ("ko", "강아지가 처음 눈을 본 날"),
    ("ko", "요즘 유행하는 춤 같이 춰 봤어요"),
    ("en", "my grandmother tries bubble tea for the first time"),
    ("en", "three things I wish I knew before moving to Seoul"),
    ("ja", "今日のお弁当を作ってみました"),
    ("ja", "うちの猫がかわいすぎる"),
    ("zh", "今天教大家做一道简单的家常菜"),
    ("th", "วันนี้กินอะไรดี ร้านนี้อร่อยมาก"),
    ("vi", "hôm nay mình thử nấu món này nhé mọi người"),
    ("id", "cara membuat nasi goreng yang enak dan mudah di rumah"),
    ("es", "así preparo la comida de mi familia los domingos"),
    ("pt", "olha só como ficou a receita da minha avó"),
    ("fr", "voici comment je prépare le petit déjeuner de mes enfants"),
    ("de", "heute zeige ich euch meine kleine Wohnung in Berlin"),
    ("ru", "сегодня готовим очень вкусный ужин для всей семьи"),
    ("ar", "اليوم نطبخ معكم وجبة سريعة ولذيذة في البيت"),
]

# What scripts make of the rest: short, mixed, decorated.
KOREAN = [
    "먹방",
    "ㅋㅋㅋ",
    "ㅠㅠ",
    "ㅇㅈ? ㅇㅇㅈ",
    "lol ㅋㅋㅋㅋ",
    "먹방 ASMR 🍜",
    "🍜🔥 라면 10봉지 🔥🍜",
    "#먹방",
    "#먹방 #asmr #mukbang",
    "OOTD #데일리룩 #가을코디",
    "#fyp #viral #추천 #댄스챌린지",
    "아이폰 17 Pro Max 언박싱",
    "나이키 Air Force 1 리뷰",
    "BTS 정국 Seven dance cover",
    "Dance challenge 댄스",
    "NewJeans 뉴진스 'Supernatural' 안무 배우기",
    "https://example.com/watch?v=abc 이거 보세요",
    "@very_long_english_user_name 같이 춤추자",
    "일본어 공부 3일차 こんにちは",
    "100만 뷰 감사합니다!!!",
    "ㄱ ㅏ ㄴ ㅏ ㄷ ㅏ",
    "\u1112\u1161\u11ab\u1100\u116e\u11a8 \u110b\u116d\u1105\u1175",  # 한국 요리, decomposed (NFD)
    f"안{ZERO_WIDTH}녕{ZERO_WIDTH}하세요",
    "\u2066\ufeff안녕\u200d하세요\u2069",
    "ﾡﾢ",  # half-width jamo
    "K-POP 커버댄스",
    "집밥 vlog",
]
NOT_KOREAN = {
    "踊ってみた #챌린지": "ja",
    "韓国のカフェに行ってきた 카페": "ja",
    "(ツ)": "ja",
    "大食い": "ja",
    "中國舞 #케이팝": "zh",
    "大胃王吃播": "zh",
    "เต้นตามเทรนด์ #댄스": "th",
    "ส้มตำ ASMR": "th",
    "χορός στο σπίτι": "el",
    "ריקוד חדש": "he",
    "मेरी माँ का खाना": "hi",
    "I love 김치 so much, it is amazing": "en",
    "trying every snack in this Korean store with my brother #먹방 #한국": "en",
    "ｔｈｉｓ　ｉｓ　ｓｏ　ｆｕｎｎｙ　ｇｕｙｓ": "en",
    "𝓽𝓱𝓲𝓼 𝓲𝓼 𝓼𝓸 𝓯𝓾𝓷𝓷𝔂 𝓰𝓾𝔂𝓼": "en",
    "món ăn ngon quá": "vi",
    "ngon quá 😋": "vi",
    "очень смешной кот": "ru",
}
UNDECIDED = [
    "",
    "   ",
    "🍜🔥😂",
    "❤️‍🔥",
    "👨‍👩‍👧‍👦",
    "1,234,567",
    "!!!???",
    "\u3164",  # the Hangul filler: an invisible "name"
    "\u115f\u1160",
    ZERO_WIDTH * 3,
    "#fyp #viral #foryoupage #trending",
    "OOTD",
    "ASMR",
    "K-POP",
    "lol",
    "@someone_else",
    "https://example.com/안녕",
]
