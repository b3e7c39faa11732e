// The image with its box: dragged, sized by its corners, or drawn anew.
import { useRef, useState, type PointerEvent } from "react";

import { useTexts } from "../../i18n";
import { Picture } from "../../ui/parts";
import { boxBetween, CORNERS, dragCorner, moveBox, type Box, type Corner } from "./box";

type Point = readonly [number, number];
type Drag =
  | { kind: "move"; from: Point; box: Box }
  | { kind: "size"; corner: Corner; box: Box }
  | { kind: "draw"; from: Point };

export function Canvas({
  image,
  alt,
  tag,
  box,
  drawing,
  onChange,
  onDrawn,
}: {
  image: string;
  alt: string;
  tag: string;
  box: Box;
  drawing: boolean;
  onChange: (box: Box) => void;
  onDrawn: () => void;
}) {
  const { t } = useTexts();
  const frame = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const [ratio, setRatio] = useState(16 / 9);

  const pointOf = (event: PointerEvent): Point => {
    const area = frame.current?.getBoundingClientRect();
    return area ? [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height] : [0, 0];
  };
  const begin = (event: PointerEvent, made: Drag) => {
    event.preventDefault();
    event.stopPropagation();
    frame.current?.setPointerCapture(event.pointerId);
    setDrag(made);
  };
  const move = (event: PointerEvent) => {
    if (!drag) return;
    const [x, y] = pointOf(event);
    if (drag.kind === "move") onChange(moveBox(drag.box, x - drag.from[0], y - drag.from[1]));
    else if (drag.kind === "size") onChange(dragCorner(drag.box, drag.corner, x, y));
    else {
      const drawn = boxBetween(drag.from, [x, y]);
      if (drawn) onChange(drawn);
    }
  };
  const end = () => {
    if (drag?.kind === "draw") onDrawn();
    setDrag(null);
  };
  const percent = (share: number) => `${share * 100}%`;
  return (
    <div
      ref={frame}
      className={drawing ? "canvas canvas-drawing" : "canvas"}
      style={{ maxWidth: `calc((100dvh - var(--around-canvas)) * ${ratio})`, aspectRatio: ratio }}
      onPointerDown={(event) => {
        if (drawing) begin(event, { kind: "draw", from: pointOf(event) });
      }}
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={end}
    >
      <Picture src={image} alt={alt} loading="eager" onRatio={setRatio} />
      <div
        className="box"
        style={{ left: percent(box.left), top: percent(box.top), width: percent(box.width), height: percent(box.height) }}
        onPointerDown={(event) => {
          if (!drawing) begin(event, { kind: "move", from: pointOf(event), box });
        }}
      >
        <span className="box-tag">{tag}</span>
        {CORNERS.map((corner) => (
          <span
            key={corner}
            className={`box-corner box-${corner}`}
            onPointerDown={(event) => {
              if (!drawing) begin(event, { kind: "size", corner, box });
            }}
          />
        ))}
      </div>
      <p className="hidden" aria-live="polite">
        {t("review.box", {
          left: Math.round(box.left * 100),
          top: Math.round(box.top * 100),
          width: Math.round(box.width * 100),
          height: Math.round(box.height * 100),
        })}
      </p>
    </div>
  );
}
