"""The HTML player in a real browser, when there is one: stepped through by its keys, without a network."""

import re
import shutil
import subprocess

import pytest

from autograd import viz

from .walk import walk

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = """<script>
window.addEventListener('load', function () {
  function press(key) { document.dispatchEvent(new KeyboardEvent('keydown', {key: key, bubbles: true})); }
  function seen() {
    return Array.prototype.filter.call(document.querySelectorAll('[data-from]'), function (t) {
      return t.style.display !== 'none'; }).length + '/' + document.getElementById('slider').value;
  }
  var log = [seen()];
  ['End', 'ArrowLeft', 'Home', 'ArrowRight', 'ArrowRight'].forEach(function (k) { press(k); log.push(k + ' ' + seen()); });
  document.title = log.join(', ');
});
</script>"""


@pytest.mark.skipif(not BROWSER, reason="needs Chromium")
def test_the_player_steps_by_keys(tmp_path):
    page = tmp_path / "player.html"
    y, _leaves = walk()
    page.write_text(viz.steps(y).html().replace("</body>", DRIVER + "</body>"), encoding="utf-8")
    run = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    run += ["--proxy-server=127.0.0.1:9", "--virtual-time-budget=3000", "--dump-dom", page.as_uri() + "#step=9"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120)
    (title,) = re.findall(r"<title>(\d+/\d+, [^<]*)</title>", done.stdout)
    # 8 values and 8 gradients; the 3 values of the leaves are there from the start, at step 9 with 4 gradients.
    assert title == "12/9, End 16/13, ArrowLeft 15/12, Home 4/1, ArrowRight 5/2, ArrowRight 6/3"
    assert "∂y/∂" in done.stdout or "∂out/∂" in done.stdout
