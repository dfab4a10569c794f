"""Frames in motion: the HTML player, the animated SVG, the contact sheet."""

from __future__ import annotations

import dataclasses
import json
import re

from ._paint import Moment, Painter, escape
from ._scene import Scene

SECONDS = 1.6

CSS = (
    "body{margin:0;padding:16px;font:16px Helvetica,Arial,sans-serif;background:#fff;color:#1b1f24}"
    "figure{margin:0;overflow:auto}#caption{min-height:1.5em;font-size:18px}#caption.b{color:#b83a06}#caption.f{color:#00619e}"
    "#bar{display:flex;gap:6px;align-items:center;flex-wrap:wrap}"
    "button{font:inherit;padding:6px 10px;border:1px solid #868e99;border-radius:6px;background:#f7f8fa;color:#1b1f24}"
    "button:focus-visible,input:focus-visible{outline:3px solid #00619e}button svg{display:block}input{width:200px}"
    "ol{color:#5c636e}"
    "@media (prefers-color-scheme:dark){body{background:#0e0c14;color:#eceff4}button{background:#1e212b;color:#eceff4}"
    "#caption.b{color:#ff9a66}#caption.f{color:#6cb6ff}ol{color:#a9b1bd}}"
)

SCRIPT = """
(function(){
var frames=%s,n=frames.length,now=n,timer=null;
var all=document.querySelectorAll('[data-from]'),rings=document.querySelectorAll('[data-only]');
var caption=document.getElementById('caption'),slider=document.getElementById('slider'),play=document.getElementById('play');
function show(k,quiet){
 now=Math.max(1,Math.min(n,k));
 all.forEach(function(t){var f=+t.getAttribute('data-from');t.style.display=f<=now?'':'none';
  t.style.fontWeight=f===now?'bold':'';});
 rings.forEach(function(r){r.style.display=+r.getAttribute('data-only')===now?'inline':'none';});
 var f=frames[now-1];caption.textContent=f[0]+': '+f[1];caption.className=f[2]?'b':'f';slider.value=now;
 if(!quiet){try{history.replaceState(null,'','#step='+now);}catch(e){}}
}
function stop(){clearInterval(timer);timer=null;play.setAttribute('aria-pressed','false');}
function go(k){stop();show(k);}
function toggle(){
 if(timer){stop();return;}
 if(now>=n)show(1);
 play.setAttribute('aria-pressed','true');
 timer=setInterval(function(){if(now>=n)stop();else show(now+1);},%d);
}
document.getElementById('first').onclick=function(){go(1);};
document.getElementById('back').onclick=function(){go(now-1);};
document.getElementById('next').onclick=function(){go(now+1);};
document.getElementById('last').onclick=function(){go(n);};
play.onclick=toggle;
slider.oninput=function(){go(+slider.value);};
document.addEventListener('keydown',function(e){
 if(e.target===slider&&e.key!=='Home'&&e.key!=='End')return;
 var to={ArrowLeft:now-1,ArrowRight:now+1,Home:1,End:n}[e.key];
 if(to!==undefined){go(to);e.preventDefault();}
 else if(e.key===' '&&e.target===document.body){toggle();e.preventDefault();}
});
function linked(){var m=/#step=(\\d+)/.exec(location.hash);return m?+m[1]:0;}
window.addEventListener('hashchange',function(){if(linked())show(linked());});
document.getElementById('bar').hidden=false;
show(linked()||1,true);
})();
"""


def page(scene: Scene, moments: list[Moment]) -> str:
    """The player; without scripts it shows the last frame and the captions as a list."""
    last = dataclasses.replace(moments[-1], now=None, player=True, caption="", heading="")
    svg = Painter(scene, last).svg(namespace=False)
    frames = json.dumps([[m.heading, m.caption, int(m.backward)] for m in moments], ensure_ascii=True)
    script = SCRIPT % (
        frames.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        int(SECONDS * 1000),
    )
    title = scene.title or "step by step"
    listed = "".join(f"<li>{escape(m.caption or m.heading)}</li>" for m in moments)
    buttons = "".join(_button(*b) for b in _BUTTONS)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head>\n<body><main>"
        f'<figure role="group" aria-label="computation graph">{svg}</figure>'
        f'<p id="caption" role="status" aria-live="polite">{escape(moments[-1].caption)}</p>'
        f'<div id="bar" role="toolbar" aria-label="steps" hidden>{buttons}<input id="slider" type="range" min="1" '
        f'max="{len(moments)}" value="{len(moments)}" aria-label="step"></div>'
        f"<details><summary>all steps</summary><ol>{listed}</ol></details></main>"
        f"<script>{script}</script></body></html>\n"
    )


_BUTTONS = (
    ("first", "first step", "M2 2h2v12H2zM14 2v12L5 8z"),
    ("back", "step back", "M12 2v12L3 8z"),
    ("play", "play or pause", "M3 2l10 6-10 6z"),
    ("next", "step forward", "M4 2v12l9-6z"),
    ("last", "last step", "M12 2h2v12h-2zM2 2v12l9-6z"),
)


def _button(name: str, label: str, path: str) -> str:
    return (
        f'<button id="{name}" type="button" aria-label="{label}" title="{label}"><svg width="16" height="16" viewBox="0 0 16 16" '
        f'aria-hidden="true"><path d="{path}" fill="currentColor"/></svg></button>'
    )


def animated(scene: Scene, moments: list[Moment]) -> str:
    """SVG whose numbers appear by CSS key frames; without motion all are there."""
    n = len(moments)
    last = dataclasses.replace(moments[-1], now=None, player=True)
    svg = Painter(scene, last).svg()
    rules = [f"[data-from],[data-only]{{animation-duration:{n * SECONDS:.1f}s;animation-iteration-count:infinite;"
             "animation-timing-function:step-end}[data-only]{display:inline;visibility:hidden}"]  # fmt: skip
    for k in range(1, n + 1):
        start, stop = 100 * (k - 1) / n, 100 * k / n
        seen = f"0%{{visibility:hidden}}{start:.2f}%{{visibility:visible}}"
        rules.append(f"@keyframes a{k}{{{seen}}}[data-from='{k}']{{animation-name:a{k}}}")
        rules.append(
            f"@keyframes r{k}{{{seen}{stop:.2f}%{{visibility:hidden}}}}[data-only='{k}']{{animation-name:r{k}}}"
        )
    style = "<style>@media (prefers-reduced-motion:no-preference){" + "".join(rules) + "}</style>"
    return svg.replace("</desc>", "</desc>" + style, 1).replace(' display="none"', ' visibility="hidden"')


# ---------------------------------------------------------------------------------------------- frames side by side


def box_of(svg: str) -> tuple[float, float]:
    found = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)


def sized(svg: str, size: tuple[float, float]) -> str:
    """The same picture on a page of the given size."""
    w, h = size
    size_text = f'width="{w:g}" height="{h:g}" viewBox="0 0 {w:g} {h:g}"'
    return re.sub(r'width="[\d.]+" height="[\d.]+" viewBox="[^"]*"', size_text, svg, count=1)


def sheet(frames: list[str], columns: int) -> str:
    """Frames in rows, as one SVG."""
    w, h = box_of(frames[0])
    rows = -(-len(frames) // columns)
    gap = 8
    width, height = columns * (w + gap) - gap, rows * (h + gap) - gap
    page = f'width="{width:g}" height="{height:g}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {page} viewBox="0 0 {width:g} {height:g}" role="img">'
             f'<title>all steps</title><rect {page} fill="#d7d5da"/>']  # fmt: skip
    for i, svg in enumerate(frames):
        x, y = (i % columns) * (w + gap), (i // columns) * (h + gap)
        inner = re.sub(r'^<svg xmlns="[^"]*"', f'<svg x="{x:g}" y="{y:g}"', svg, count=1)
        inner = re.sub(r"\bv-(title|desc)\b", rf"v{i}-\1", inner)
        parts.append(re.sub(r' id="[ne]\d+"', "", inner))
    return "".join([*parts, "</svg>"])
