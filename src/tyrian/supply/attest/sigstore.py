"""Sign by an identity of a CI job, with Sigstore's client: for where there is a network.

The bundle holds a certificate in place of a key; Sigstore's own client verifies it.
"""

from tyrian.errors import MissingDependencyError, TyrianError


class SigstoreError(TyrianError):
    """Sigstore could not sign: no network, no identity, or its servers refused."""


def sign_by_identity(statement: bytes) -> bytes:
    """A Sigstore bundle of a statement; MissingDependencyError, or SigstoreError with the reason.

    The identity is that of the CI job (OpenID Connect); nobody is asked to sign in.
    """
    try:
        from sigstore.dsse import Statement
        from sigstore.errors import Error
        from sigstore.models import ClientTrustConfig
        from sigstore.oidc import IdentityError, IdentityToken, detect_credential
        from sigstore.sign import SigningContext
    except ImportError:
        raise MissingDependencyError(
            "Sigstore's client is not installed",
            hint="pip install 'sigstore>=4'; without a network sign with --key",
        ) from None
    try:
        credential = detect_credential()
        if not credential:
            raise SigstoreError(
                "there is no identity to sign with: this is no CI job that may ask for one",
                hint="in GitHub Actions give the job `id-token: write`; elsewhere sign with --key",
            )
        context = SigningContext.from_trust_config(ClientTrustConfig.production())
        with context.signer(IdentityToken(credential)) as signer:
            return str(signer.sign_dsse(Statement(statement)).to_json()).encode() + b"\n"
    except (Error, IdentityError, OSError) as error:
        told = " ".join(str(error).split())[:200] or type(error).__name__
        raise SigstoreError(
            f"Sigstore did not sign: {told}", hint="check the network, or sign with --key"
        ) from None
