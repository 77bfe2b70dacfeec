"""`chairside demo`: the demo practice's URL, org and token, printed again."""

from __future__ import annotations

import json

from chairside.cli.place import DEMO_FILE, AsJson, DataDir, Fault, demo_file, out, settings_for
from chairside.settings import Settings


def demo(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Print the demo practice's URL, org and token again, and the file that keeps them."""
    settings = settings_for(data_dir)
    kept = demo_file(settings.data_dir)
    if "org_id" not in kept:
        raise Fault(f"There is no demo practice in {settings.data_dir}; `chairside serve --demo` makes one.")
    if "token" not in kept:
        raise Fault(
            f"The demo practice in {settings.data_dir} has no token, because it is unfinished or was restored;"
            " `chairside serve --demo` finishes it and makes a token."
        )
    url = kept.get("url") or base_url(settings)
    shown = {
        "url": url,
        "api": f"{url}/api/v1/{kept['org_id']}",
        "org_id": kept["org_id"],
        "token": kept["token"],
        "kept_in": str(settings.data_dir / DEMO_FILE),
    }
    if as_json:
        out(json.dumps(shown, indent=1))
        return
    for title, value in zip(("URL", "API", "Demo org", "Token", "Kept in"), shown.values(), strict=True):
        out(f"{title:<10}{value}")


def base_url(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
