"""What asking the status endpoint needs: jq programs that compile, a secret that can be read."""

from edgepind.cli.checks.fault import Fault, error, halves, info
from edgepind.observe.client_secret import CREDENTIAL, NoClientSecret, read_client_secret
from edgepind.observe.jq_programs import JqPrograms, NoOutputs
from edgepind.settings.schema import OAuthSettings, Settings

_DEADLINE = 10.0
_ANY_DOCUMENT = "null"
_DOES_NOT_COMPILE = "it does not compile"


async def check_status_endpoint(settings: Settings) -> list[Fault]:
    """Compile the programs and look for the secret; the endpoint itself is not asked."""
    status = settings.status
    if not status.enabled:
        return []
    programs = {
        "status.current": status.current,
        "status.next": status.next,
        "status.rotates_at": status.rotates_at,
    }
    faults = [await _of_program(key, program) for key, program in programs.items()]
    return [*(fault for fault in faults if fault), *_of_secret(status.oauth)]


async def _of_program(key: str, program: str) -> Fault | None:
    outputs = await JqPrograms((program,), _DEADLINE).run(_ANY_DOCUMENT)
    if not isinstance(outputs, NoOutputs):
        return None
    if outputs.program is None:
        remedy = "Reinstall edgepind: its jq cannot be run."
        return error("jq-unusable", f"{key} could not be tried: {outputs.reason}", remedy)
    if not outputs.reason.startswith(_DOES_NOT_COMPILE):
        return None  # what it makes of a real answer cannot be told from here
    return error("jq-program", f"{key}: {outputs.reason}", f"Correct {key}.")


def _of_secret(oauth: OAuthSettings) -> list[Fault]:
    if not oauth.token_url:
        return []
    secret = read_client_secret(oauth.client_secret_file)
    if not isinstance(secret, NoClientSecret):
        return []
    if not oauth.client_secret_file:
        what = f"whether the service has its credential {CREDENTIAL} cannot be seen from here"
        return [info("oauth-secret", what, "`systemctl show -p LoadCredential edgepind` tells.")]
    return [error("oauth-secret", *halves(secret.error))]
