"""What real TLS clients are served is among what a look sees: the daemon speaks for them all.

Each client stands for an Edge with its own order of signatures. Those that are not installed are
left out.
"""

import asyncio
import re
import shutil
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from edgepind.model.enums import HighestTls
from edgepind.settings.kinds import Address
from tests.support.endpoint import endpoint, until_the_end
from tests.support.offers_matrix import CERTIFICATES, HOST, Cell, cells, server

_SUITES = {
    "RSA list": "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
    "ECDSA list": "ECDHE-ECDSA-AES256-GCM-SHA384",
}
_GNUTLS = {
    "RSA list": "NORMAL:-KX-ALL:+ECDHE-RSA",
    "ECDSA list": "NORMAL:-KX-ALL:+ECDHE-ECDSA",
    "no list": "NORMAL",
    "minimum 1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3",
}
_JAVA_SUITES = {
    "RSA list": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDSA list": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
}
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_NODE = """
const tls = require("tls"); const [port, ciphers, minimum] = process.argv.slice(1);
const more = ciphers ? {ciphers: ciphers + ":TLS_AES_256_GCM_SHA384"} : {};
const it = tls.connect({port: +port, host: "127.0.0.1", servername: "edge.test",
  rejectUnauthorized: false, minVersion: minimum, ...more}, () => {
  console.log("LEAF " + it.getPeerCertificate().fingerprint256); it.end(); });
it.on("error", () => process.exit(0));
"""
_JAVA = """
import java.security.MessageDigest; import java.security.cert.X509Certificate;
import javax.net.ssl.*;
public class Look { public static void main(String[] to) throws Exception {
  X509TrustManager any = new X509ExtendedTrustManager() {
    public void checkClientTrusted(X509Certificate[] c, String a) {}
    public void checkServerTrusted(X509Certificate[] c, String a) {}
    public void checkClientTrusted(X509Certificate[] c, String a, java.net.Socket s) {}
    public void checkServerTrusted(X509Certificate[] c, String a, java.net.Socket s) {}
    public void checkClientTrusted(X509Certificate[] c, String a, SSLEngine e) {}
    public void checkServerTrusted(X509Certificate[] c, String a, SSLEngine e) {}
    public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; } };
  SSLContext context = SSLContext.getInstance("TLS");
  context.init(null, new TrustManager[] {any}, null);
  for (String one : to) { String[] it = one.split(",", -1);
    try (SSLSocket socket = (SSLSocket) context.getSocketFactory()
        .createSocket("127.0.0.1", Integer.parseInt(it[0]))) {
      if (!it[1].isEmpty())
        socket.setEnabledCipherSuites(new String[] {it[1], "TLS_AES_256_GCM_SHA384"});
      if (it[2].equals("1.3")) socket.setEnabledProtocols(new String[] {"TLSv1.3"});
      socket.startHandshake();
      byte[] der = socket.getSession().getPeerCertificates()[0].getEncoded();
      StringBuilder hex = new StringBuilder();
      for (byte b : MessageDigest.getInstance("SHA-256").digest(der))
        hex.append(String.format("%02X", b));
      System.out.println("LEAF " + hex);
    } catch (SSLException none) { System.out.println("NONE"); } } } }
"""
_BY_HEX = {sha256(it.certificate).hexdigest().upper(): name for name, it in CERTIFICATES.items()}


async def _run(*command: str) -> str:
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    process = await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    return said.decode("utf-8", "replace")


def _named(lines: str) -> list[str]:
    told = re.findall(r"LEAF ([0-9A-F:]+)|(NONE)", lines)
    return [_BY_HEX[leaf.replace(":", "")] if leaf else "" for leaf, _ in told]


def _first_pem(said: str) -> list[str]:
    found = _PEM.search(said)
    if found is None or "(NONE)" in said:
        return []
    return [_BY_HEX[sha256(ssl.PEM_cert_to_DER_cert(found[0])).hexdigest().upper()]]


async def _openssl(address: Address, cell: Cell) -> list[str]:
    suites = _SUITES.get(cell.settings)
    return _first_pem(
        await _run(
            *("openssl", "s_client", "-connect", str(address), "-servername", HOST),
            *(("-cipher", suites) if suites else ()),
            *(("-tls1_3",) if cell.settings == "minimum 1.3" else ()),
        )
    )


async def _gnutls(address: Address, cell: Cell) -> list[str]:
    return _first_pem(
        await _run(
            *("gnutls-cli", "--insecure", "--print-cert", "--sni-hostname", HOST),
            *("--priority", _GNUTLS[cell.settings], "--port", str(address.port), address.ip),
        )
    )


async def _node(address: Address, cell: Cell) -> list[str]:
    minimum = "TLSv1.3" if cell.settings == "minimum 1.3" else "TLSv1.2"
    suites = _SUITES.get(cell.settings, "")
    return _named(await _run("node", "-e", _NODE, str(address.port), suites, minimum))


CLIENTS = {"openssl": _openssl, "gnutls": _gnutls, "node": _node}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("versions", ["TLS 1.2", "TLS 1.2 + 1.3", "TLS 1.3"])
async def test_what_a_client_is_served_is_seen(client: str, versions: str) -> None:
    """Of every cell with these versions."""
    served = 0
    for cell in (it for it in cells() if it.versions == versions):
        async with endpoint(until_the_end, tls=server(cell.versions, cell.shown)) as address:
            leaves = await CLIENTS[client](address, cell)
        assert set(leaves) <= cell.may_be_served(HighestTls.UNKNOWN), cell
        served += len(leaves)
    assert served >= 3


async def test_what_java_is_served_is_seen(tmp_path: Path) -> None:
    """Of every cell, in one process: an Edge is such a program."""
    program = tmp_path / "Look.java"
    program.write_text(_JAVA)
    table = cells()
    leaves = await _java(program, table)
    assert len(leaves) == len(table)
    for cell, leaf in zip(table, leaves, strict=True):
        assert {leaf} - {""} <= cell.may_be_served(HighestTls.UNKNOWN), cell
    assert {"RSA", "ECDSA"} <= set(leaves)


async def _java(program: Path, table: Sequence[Cell]) -> list[str]:
    async with AsyncExitStack() as world:
        asked = []
        for cell in table:
            context = server(cell.versions, cell.shown)
            address = await world.enter_async_context(endpoint(until_the_end, tls=context))
            minimum = "1.3" if cell.settings == "minimum 1.3" else ""
            asked.append(f"{address.port},{_JAVA_SUITES.get(cell.settings, '')},{minimum}")
        return _named(await _run("java", str(program), *asked))
