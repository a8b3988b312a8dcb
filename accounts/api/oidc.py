"""The provider's access tokens on API calls: `Authorization: Bearer` with a JWT. They stand beside Strongroom's own tokens."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from accounts.api import api_keys
from accounts.api.credentials import Taken
from accounts.models import User
from accounts.services.access import Access
from accounts.services.oidc.errors import ProviderDown, Refused
from accounts.services.oidc.people import access
from accounts.services.oidc.provider import current
from accounts.services.oidc.tokens import access_token_claims


class ProviderUnreachable(APIException):
    """503: the token may be good, but the keys to see that cannot be had now."""

    status_code = 503
    default_code = "service_unavailable"


class ProviderTokenAuthentication(BaseAuthentication):
    """A JWT has two dots, which none of Strongroom's own tokens has; everything else is left to BearerAuthentication."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        provider = current()
        words = get_authorization_header(request).split()
        if provider is None or not provider.options.api_tokens:
            return None
        if len(words) != 2 or words[0].lower() != b"bearer" or words[1].count(b".") != 2:
            return None
        try:
            found = access(provider.options, access_token_claims(provider, words[1].decode("latin-1")))
        except Refused as error:
            raise AuthenticationFailed(str(error)) from None
        except ProviderDown as error:
            raise ProviderUnreachable(str(error)) from None
        return found.user, api_keys.narrow(request, found)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="strongroom"'


class ProviderTokenScheme(Taken):
    """Stands beside BearerAuthentication, whose scheme speaks for both."""

    target_class = "accounts.api.oidc.ProviderTokenAuthentication"
    alternatives = ()
