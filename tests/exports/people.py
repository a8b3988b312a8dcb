"""Who may open sealed files, with the openssl command line."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

MOMENT = datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Person:
    """Somebody with a key and a certificate, both as files for openssl."""

    def __init__(self, folder: Path, name: str, key: Key | None = None) -> None:
        key = key or rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(
            subject, subject, key.public_key(), x509.random_serial_number(), MOMENT, MOMENT + timedelta(days=9999)
        )
        self.certificate = builder.sign(key, hashes.SHA256())
        self.key_file, self.certificate_file = folder / f"{name}.key", folder / f"{name}.pem"
        self.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.certificate_file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def decrypt(self, sealed: bytes, tool: str = "cms") -> subprocess.CompletedProcess[bytes]:
        who = ["-inkey", str(self.key_file), "-recip", str(self.certificate_file)]
        return subprocess.run(
            ["openssl", tool, "-decrypt", "-binary", "-inform", "DER", *who], input=sealed, capture_output=True, check=False
        )

    def decrypt_by_key(self, sealed: bytes) -> subprocess.CompletedProcess[bytes]:
        """As the command beside each file says: with the private key alone."""
        command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", str(self.key_file)]
        return subprocess.run(command, input=sealed, capture_output=True, check=False)
