package ui

import (
	"fmt"
	"strings"
	"time"
)

// Constructors for the messages with a context, so that its keys are spelled in one place. Messages without a context
// are made by MessageID.Message.

// LoginWith labels a sign-in button. label is what the person reads, providerID what the form sends.
func LoginWith(label, providerID string) Message {
	return MsgLoginWith.With(provider(label, providerID))
}

// RegistrationWith labels a sign-up button.
func RegistrationWith(label, providerID string) Message {
	return MsgRegistrationWith.With(provider(label, providerID))
}

// LoginWithAndLink labels the button of a provider to confirm the link of another one with.
func LoginWithAndLink(label, providerID string) Message {
	return MsgLoginWithAndLink.With(provider(label, providerID))
}

// LoginLinkHint asks to sign in to the account that has the identifier, to link provider to it.
func LoginLinkHint(identifier, provider string) Message {
	return MsgLoginLinkHint.With(map[string]any{"duplicateIdentifier": identifier, "provider": provider})
}

// LoginCodeTo labels the button that sends a code to one of the addresses of an account.
func LoginCodeTo(channel, address string) Message {
	return MsgLoginCodeTo.With(map[string]any{"address": address, "channel": channel})
}

// SettingsLink labels the button that links a provider.
func SettingsLink(label string) Message {
	return MsgSettingsLink.With(map[string]any{"provider": label})
}

// SettingsUnlink labels the button that unlinks a provider.
func SettingsUnlink(label string) Message {
	return MsgSettingsUnlink.With(map[string]any{"provider": label})
}

// TraitLabel labels a trait by the title it has in the schema. name is the name of its node.
func TraitLabel(title, name string) Message {
	return MsgTraitLabel.With(map[string]any{"title": title, "name": name})
}

// TOTPSecret shows the secret of an authenticator app that is being set up.
func TOTPSecret(secret string) Message {
	return MsgSettingsTOTPSecret.With(map[string]any{"secret": secret})
}

// LookupCode shows one unused backup code.
func LookupCode(code string) Message {
	return MsgSettingsLookupCode.With(map[string]any{"secret": code})
}

// LookupCodeUsed stands in for a backup code that was used.
func LookupCodeUsed(at time.Time) Message {
	return MsgSettingsLookupUsed.With(map[string]any{"used_at": at, "used_at_unix": at.Unix()})
}

// CodesLeft says in a message about backup codes how many of them still work.
func CodesLeft(id MessageID, left int) Message {
	return id.With(map[string]any{"codes_left": left})
}

// LookupHints labels a list of codes that can't be shown in full any more.
func LookupHints() Message {
	m := MsgSettingsLookupLabel.Message()
	m.Text = "These are the beginnings of your backup recovery codes. In full they were shown once only; if you have lost them, generate new ones."
	return m
}

// LookupCodes shows the list made of LookupCode and LookupCodeUsed.
func LookupCodes(codes Messages) Message {
	texts := make([]string, len(codes))
	for i, code := range codes {
		texts[i] = code.Text
		if code.ID == MsgSettingsLookupUsed {
			texts[i] = "used"
		}
	}
	m := MsgSettingsLookupCodes.With(map[string]any{"secrets": codes})
	m.Text = strings.Join(texts, ", ")
	return m
}

// WebAuthnRemove labels the button that removes a security key.
func WebAuthnRemove(displayName string, addedAt time.Time) Message {
	return MsgSettingsWebAuthnRemove.With(key(displayName, addedAt))
}

// PasskeyRemove labels the button that removes a passkey.
func PasskeyRemove(displayName string, addedAt time.Time) Message {
	return MsgSettingsPasskeyRemove.With(key(displayName, addedAt))
}

// KeyRefused says that a security key or passkey has not proven who somebody is. For clients it
// is a wrong code.
func KeyRefused() Message {
	m := MsgTOTPInvalid.Message()
	m.Text = "The key was not accepted. Please try again, or use another one."
	return m
}

// Recovered tells how long the session that recovery gave may change credentials. Older clients read the first key.
func Recovered(until, now time.Time) Message {
	return MsgRecovered.with(map[string]any{
		"privilegedSessionExpiresAt":         until,
		"privileged_session_expires_at":      until,
		"privileged_session_expires_at_unix": until.Unix(),
	}, minutes(until.Sub(now)))
}

// Expired is one of the messages about expired flows, such as MsgLoginExpired.
func Expired(id MessageID, expiredAt, now time.Time) Message {
	return id.with(map[string]any{
		"expired_at":      expiredAt,
		"expired_at_unix": expiredAt.Unix(),
	}, minutes(now.Sub(expiredAt)))
}

// Invalid shows a reason that has no message id of its own.
func Invalid(reason string) Message {
	return MsgInvalid.With(map[string]any{"reason": reason})
}

// Missing says that a required field is empty. property is the last segment of its name.
func Missing(property string) Message {
	return MsgRequired.With(map[string]any{"property": property})
}

// MinLength says that a string is too short.
func MinLength(least, actual int) Message {
	return MsgMinLength.With(map[string]any{"min_length": least, "actual_length": actual})
}

// MaxLength says that a string is too long.
func MaxLength(most, actual int) Message {
	return MsgMaxLength.With(map[string]any{"max_length": most, "actual_length": actual})
}

// PatternMismatch says that a string doesn't match its pattern.
func PatternMismatch(pattern string) Message {
	return MsgPattern.With(map[string]any{"pattern": pattern})
}

// OutOfRange is one of MsgMinimum, MsgExclusiveMinimum, MsgMaximum and MsgExclusiveMaximum.
func OutOfRange(id MessageID, limit, actual float64) Message {
	bound := "minimum"
	if id == MsgMaximum || id == MsgExclusiveMaximum {
		bound = "maximum"
	}
	return id.With(map[string]any{bound: limit, "actual": actual})
}

// NotMultipleOf says that a number is off the grid.
func NotMultipleOf(base, actual float64) Message {
	return MsgMultipleOf.With(map[string]any{"base": base, "actual": actual})
}

// MaxItems says that a list is too long.
func MaxItems(most, actual int) Message {
	return MsgMaxItems.With(map[string]any{"max_items": most, "actual_items": actual})
}

// MinItems says that a list is too short.
func MinItems(least, actual int) Message {
	return MsgMinItems.With(map[string]any{"min_items": least, "actual_items": actual})
}

// DuplicateItems says that two items of a list are equal.
func DuplicateItems(a, b int) Message {
	return MsgUniqueItems.With(map[string]any{"index_a": a, "index_b": b})
}

// WrongType says that a value is of another JSON type than those allowed.
func WrongType(allowed []string, actual string) Message {
	return MsgWrongType.With(map[string]any{
		"allowed_types":      allowed,
		"allowed_types_list": strings.Join(allowed, " or "),
		"actual_type":        actual,
	})
}

// NotConst says that a value isn't the only one allowed.
func NotConst(expected any) Message {
	return MsgConst.With(map[string]any{"expected": expected})
}

// EmailInvalid says that value is no email address.
func EmailInvalid(value string) Message {
	return MsgEmailInvalid.With(map[string]any{"value": value})
}

// PhoneInvalid says that value is no phone number.
func PhoneInvalid(value string) Message {
	return MsgPhoneInvalid.With(map[string]any{"value": value})
}

// PasswordTooShort says that a password has fewer characters than the policy asks for.
func PasswordTooShort(least, actual int) Message {
	return MsgPasswordTooShort.With(map[string]any{"min_length": least, "actual_length": actual})
}

// PasswordTooLong says that a password has more characters than can be hashed.
func PasswordTooLong(most, actual int) Message {
	return MsgPasswordTooLong.With(map[string]any{"max_length": most, "actual_length": actual})
}

// PasswordRefused shows a reason of the password policy that has no message id of its own.
func PasswordRefused(reason string) Message {
	return MsgPasswordPolicy.With(map[string]any{"reason": reason})
}

func provider(label, id string) map[string]any {
	return map[string]any{"provider": label, "provider_id": id}
}

func key(displayName string, addedAt time.Time) map[string]any {
	return map[string]any{"display_name": displayName, "added_at": addedAt, "added_at_unix": addedAt.Unix()}
}

func minutes(d time.Duration) map[string]any {
	return map[string]any{"minutes": strings.TrimSuffix(fmt.Sprintf("%.2f", d.Minutes()), ".00")}
}
