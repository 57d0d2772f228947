"""A picture of each dashboard, drawn by Grafana's own components from a real gunicorn under load.

Long: it installs 600 MB of npm packages. The pictures are to be looked at; DASHBOARD_PICTURES says where they go.
"""

import json
import os
from pathlib import Path

from dashboards import DASHBOARDS, load
from living import living_prometheus
from npm import npm_packages, run_any

SECONDS = 60
SMALLEST_PICTURE = 50000  # Bytes; an empty page has 10,000.


def test_grafanas_components_draw_every_panel(tmp_path):
    folder = Path(os.environ.get("DASHBOARD_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    with living_prometheus(tmp_path, SECONDS) as living:
        for path in DASHBOARDS:
            board = load(path)
            times = {"from": living.start * 1000, "to": living.end * 1000}
            data = {"dashboard": board, "results": living.shown(board), **times}
            (tmp_path / "input.json").write_text(json.dumps(data))
            picture = folder / f"{path.stem}.png"
            code, text = run_any(["node", npm_packages("draw") / "draw.mjs", tmp_path / "input.json", picture])
            assert code == 0, text
            assert picture.stat().st_size > SMALLEST_PICTURE
