"""Certificates for a test, made by openssl(1)."""

import copy
import subprocess


class Certificates:
    """An authority of its own in `directory`, and what it signs there."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = directory / "ca.crt"
        self.key = directory / "ca.key"
        self._run(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
            "-keyout", self.key, "-out", self.authority,
        )  # fmt: skip

    def sign(self, name, sans, usage="serverAuth"):
        """NAME.crt and NAME.key; `sans` as openssl writes them: "DNS:localhost,IP:127.0.0.1"."""
        return self._issue(name, f"subjectAltName={sans}\nextendedKeyUsage={usage}\n")

    def intermediate(self, name):
        """An authority that this one has signed."""
        below = copy.copy(self)
        below.authority, below.key = self._issue(name, "basicConstraints=critical,CA:TRUE\n")
        return below

    def _issue(self, name, extensions):
        key, request, certificate = (self.directory / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
        self._run(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request
        )  # fmt: skip
        extension_file = self.directory / f"{name}.ext"
        extension_file.write_text(extensions)
        self._run(
            "x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", self.key,
            "-CAcreateserial", "-days", "2", "-extfile", extension_file, "-out", certificate,
        )  # fmt: skip
        return certificate, key

    def _run(self, *arguments):
        subprocess.run(
            ["openssl", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
