"""Certificates for a test, made by openssl(1)."""

import subprocess


class Certificates:
    """An authority of its own in `directory`, and what it signs there."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = directory / "ca.crt"
        self._run(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
            "-keyout", directory / "ca.key", "-out", self.authority,
        )  # fmt: skip

    def sign(self, name, sans, usage="serverAuth"):
        """NAME.crt and NAME.key; `sans` as openssl writes them: "DNS:localhost,IP:127.0.0.1"."""
        key, request, certificate = (self.directory / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
        self._run(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request
        )  # fmt: skip
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={sans}\nextendedKeyUsage={usage}\n")
        self._run(
            "x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", self.directory / "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return certificate, key

    def _run(self, *arguments):
        subprocess.run(
            ["openssl", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
