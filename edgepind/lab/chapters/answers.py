"""The status endpoint answers nonsense: `null`, a SHA-1, a web page."""

from edgepind.lab.chapter import Chapter
from edgepind.lab.http1 import Response
from edgepind.lab.stage import Stage

_SHA1 = ":".join(["AB"] * 20)
_JSON = {"content-type": "application/json"}
ANSWERS = {
    "null": Response(200, _JSON, b'{"certificateFingerprint": null}'),
    "a SHA-1": Response(200, _JSON, f'{{"certificateFingerprint": "{_SHA1}"}}'.encode()),
    "a web page": Response(200, {"content-type": "text/html"}, b"<html>Please sign in</html>"),
}


async def _status_answers(stage: Stage) -> None:
    page = stage.world.cloud.status
    before = stage.world.kept.document.read_bytes()
    for name, answer in ANSWERS.items():
        stage.say(f"The status endpoint answers with {name}.")
        page.scripted = answer
        await stage.until(f"{name} is refused", lambda: not _ok(stage))
        await stage.ticks(3)
        page.scripted = None
        await stage.until(f"after {name} the answer is right again", lambda: _ok(stage))
    rejected = stage.events("status_rejected")
    stage.expect("each was told once", len(rejected) == len(ANSWERS), len(rejected))
    stage.expect("the document is untouched", stage.world.kept.document.read_bytes() == before)
    stage.expect_no_rejection()
    stage.expect_restarts(0)


def _ok(stage: Stage) -> bool:
    return stage.status().get("status_endpoint", {}).get("ok") is True


STATUS_ANSWERS = Chapter(
    "status-answers", "Status answers of null, SHA-1 and HTML", _status_answers
)
