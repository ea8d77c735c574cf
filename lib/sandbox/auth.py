"""Who is calling: the sandbox's certificate authority, its two service accounts and their access tokens.

Everything that a client needs is files in the state directory: `ca.pem`, `credentials.json` (operator) and
`credentials-viewer.json`, usable by google.auth.default(). Tokens carry their own proof (HMAC by a kept secret), so
they outlive a restart. Certificates, tokens and assertions live in wall time, not in the sandbox's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import os
import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lib.sandbox.errors import ApiError
from lib.sandbox.store import StateError
from lib.sandbox.world import PROJECT, World

TOKEN_LIFE_S = 3600
CLOCK_SKEW_S = 60
DOMAIN = f"{PROJECT}.iam.gserviceaccount.com"
OPERATOR, VIEWER = f"operator@{DOMAIN}", f"viewer@{DOMAIN}"
KEY_FILES = {OPERATOR: "credentials.json", VIEWER: "credentials-viewer.json"}
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_PREFIX = "ya29.sandbox."  # noqa: S105 - how Google's access tokens begin, not a secret
_HELP = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


def prepare(state_dir: Path, *, token_uri: str) -> bytes:
    """Make what is missing of certificates and keys; returns ca.pem. Keys are kept, the token URI is renewed."""
    _certificates(state_dir)
    secret = state_dir / "token-secret"
    if not secret.exists() or not secret.stat().st_size:  # an empty secret would sign for everybody
        _write(secret, secrets.token_hex(32).encode())
    for email, name in KEY_FILES.items():
        path = state_dir / name
        key = _kept_key(path) if path.exists() else _new_key(email)
        _write(path, json.dumps({**key, "token_uri": token_uri}, indent=2).encode())
    return (state_dir / "ca.pem").read_bytes()


def authenticate(world: World, authorization: str | None, *, skew_s: float = 0.0) -> str | None:
    """The e-mail address behind an Authorization header; None when there is no valid token in it.

    Google takes access tokens and, from service accounts, self-signed JWTs; so does this. `skew_s` is how far the
    clock of the one who looks at the token is ahead.
    """
    now = time.time() + skew_s
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    if token.startswith(_TOKEN_PREFIX):
        return _email_of(world, token, now)
    claims = _verified(world, token, now)
    return str(claims["iss"]) if claims else None


def unauthenticated(authorization: str | None) -> ApiError:
    start = (
        "Request had invalid authentication credentials. "
        if authorization
        else "Request is missing required authentication credential. "
    )
    return ApiError("UNAUTHENTICATED", start + _HELP)


def issue(world: World, email: str) -> str:
    """An access token for one hour (wall)."""
    claims = {"sub": email, "exp": int(time.time()) + TOKEN_LIFE_S, "jti": secrets.token_hex(4)}
    payload = _b64(json.dumps(claims, separators=(",", ":")).encode())
    return f"{_TOKEN_PREFIX}{payload}.{_mac(world, payload)}"


def exchange(world: World, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """The token endpoint: an RS256 assertion of a service account for an access token (RFC 7523)."""
    if form.get("grant_type") != JWT_GRANT:
        return 400, {"error": "unsupported_grant_type", "error_description": f"use {JWT_GRANT}"}
    claims = _verified(world, form.get("assertion", ""), time.time())
    if claims is None:
        return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    token = issue(world, str(claims["iss"]))
    return 200, {"access_token": token, "expires_in": TOKEN_LIFE_S - 1, "token_type": "Bearer"}


def _email_of(world: World, token: str, now: float) -> str | None:
    payload, _, mac = token.removeprefix(_TOKEN_PREFIX).partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(world, payload).encode()):
        return None
    claims = json.loads(_unb64(payload))
    valid = claims["exp"] - TOKEN_LIFE_S <= now + CLOCK_SKEW_S and now < claims["exp"]
    return str(claims["sub"]) if valid else None


def _mac(world: World, payload: str) -> str:
    secret = (world.state_dir / "token-secret").read_bytes()
    return _b64(hmac.new(secret, payload.encode(), hashlib.sha256).digest())


def _verified(world: World, assertion: str, now: float) -> dict[str, Any] | None:
    try:
        head, body, signature = assertion.split(".")
        claims = json.loads(_unb64(body))
        algorithm, issuer = json.loads(_unb64(head)).get("alg"), claims.get("iss")
        signed = _unb64(signature)
    except (ValueError, AttributeError):
        return None
    fresh = claims.get("iat", now) <= now + CLOCK_SKEW_S and claims.get("exp", 0) > now - CLOCK_SKEW_S
    if algorithm != "RS256" or issuer not in KEY_FILES or not fresh:
        return None
    try:
        _public_key(world.state_dir / KEY_FILES[issuer]).verify(
            signed, f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return None
    return claims


_public_keys: dict[Path, rsa.RSAPublicKey] = {}


def _public_key(path: Path) -> rsa.RSAPublicKey:
    if path not in _public_keys:
        pem = json.loads(path.read_text())["private_key"].encode()
        private = serialization.load_pem_private_key(pem, None)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError(f"{path} does not hold an RSA key")
        _public_keys[path] = private.public_key()
    return _public_keys[path]


def _kept_key(path: Path) -> dict[str, str]:
    try:
        key = json.loads(path.read_text())
        if key["private_key"].startswith("-----BEGIN"):
            return key
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # said below, as for any other file that is no key
    raise StateError(f"{path} holds no key; remove it to have a new one made")


def _new_key(email: str) -> dict[str, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": secrets.token_hex(20),
        "private_key": _pem(private),
        "client_email": email,
        "client_id": str(secrets.randbelow(10**21)).zfill(21),
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "",
        "universe_domain": "googleapis.com",
    }


def _certificates(state_dir: Path) -> None:
    kept = [state_dir / name for name in ("ca.pem", "server.pem")]
    if all(path.exists() for path in kept):
        for path in kept:
            _check_certificate(path)
        return
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "GPU Atlas sandbox CA")])
    ca = (
        _certificate(ca_name, ca_name, ca_key.public_key(), ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    hosts = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    server = (
        _certificate(name, ca_name, key.public_key(), ca_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    _write(state_dir / "server-key.pem", _pem(key).encode())
    _write(state_dir / "server.pem", server.public_bytes(serialization.Encoding.PEM))
    _write(state_dir / "ca.pem", ca.public_bytes(serialization.Encoding.PEM))


def _check_certificate(path: Path) -> None:
    try:
        x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError as e:
        raise StateError(f"{path} is no certificate; remove it to have new ones made") from e


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, ca_key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by the owner only: most of these are keys."""
    temporary = path.with_suffix(path.suffix + ".tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    temporary.replace(path)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
