"""What a page says after something worked: fixed texts, so that no link can put words in it."""

from typing import Final

DONE: Final = {
    "signed-out": "You are signed out.",
    "key-revoked": "The key is revoked. Requests with it are refused from now on.",
    "key-changed": "The key is changed.",
    "budget-set": "The budget holds from the next request on.",
    "budget-dropped": "The budget is lifted.",
    "review-approved": "Approved. The caller can go on with it, once.",
    "review-refused": "Refused.",
    "member-invited": "The invitation is made.",
    "member-changed": "The role is changed.",
    "member-removed": "The person no longer belongs to this organisation.",
    "invitation-revoked": "The invitation no longer works.",
    "account-secured": "Your account is set up. From now on you can sign in by yourself.",
    "profile-changed": "Your profile is changed.",
    "password-changed": "Your password is changed, and your other sessions are ended.",
    "passkey-added": "The passkey is added. You can sign in with it from now on.",
    "passkey-removed": "The passkey is removed.",
    "totp-added": "The authenticator app is set up.",
    "stack-applied": "The change is in use here, and within a second or so on every worker.",
    "stack-reverted": "The previous version is in use again.",
    "sessions-ended": "Your other sessions are ended.",
}
