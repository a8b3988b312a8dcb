"""How passwords are kept."""

from accounts.models import User


def test_passwords_are_kept_as_argon2id(owner: User) -> None:
    owner.set_password("correct horse")
    assert owner.password.startswith("argon2$argon2id$")
    assert owner.check_password("correct horse")
