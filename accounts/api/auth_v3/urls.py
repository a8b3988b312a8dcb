"""The addresses of this face."""

from django.urls import path

from accounts.api.auth_v3.account import ChangePassword, SignOut
from accounts.api.auth_v3.authorize import Authorize
from accounts.api.auth_v3.token import Token
from accounts.api.auth_v3.users import JwtInfo, Keys, OpenIdInfo, Ping, UserInfo

urlpatterns = [
    path("oauth/authorize", Authorize.as_view(), name="auth-authorize"),
    path("oauth/token", Token.as_view(), name="auth-token"),
    path("userinfo", UserInfo.as_view(), name="auth-userinfo"),
    path("openid/userinfo", OpenIdInfo.as_view(), name="auth-openid-userinfo"),
    path("jwt-userinfo", JwtInfo.as_view(), name="auth-jwt-userinfo"),
    path("ping", Ping.as_view(), name="auth-ping"),
    path("sign-out", SignOut.as_view(), name="auth-sign-out"),
    path("change-password", ChangePassword.as_view(), name="auth-change-password"),
    path(".well-known/jwks.json", Keys.as_view(), name="auth-keys"),
]
