package ui

// MessageID is the number a client knows a message by. Clients translate by it, so it never changes; the sentence may.
type MessageID int64

// The message ids of the contract: 10xxxxx informs, 4xxxxxx is the person's to correct, 5xxxxxx is the operator's. The
// comment says where a message stands and what its context holds.
const (
	// Login.

	MsgLogin                 MessageID = 1010001 // button of the password form when the person confirms who they are
	MsgLoginWith             MessageID = 1010002 // button of a sign-in provider; context provider, provider_id
	MsgLoginRefresh          MessageID = 1010003 // form: a signed-in person has to prove who they are again
	MsgLoginSecondFactor     MessageID = 1010004 // form: the first factor is done
	MsgLoginVerify           MessageID = 1010005 // reserved
	MsgLoginTOTPLabel        MessageID = 1010006 // label of totp_code
	MsgLoginLookupLabel      MessageID = 1010007 // label of lookup_secret
	MsgLoginWebAuthn         MessageID = 1010008 // button of the security key as second factor
	MsgLoginTOTP             MessageID = 1010009 // button of the TOTP form
	MsgLoginLookup           MessageID = 1010010 // button of the backup code form
	MsgLoginContinueWebAuthn MessageID = 1010011 // button of the security key as first factor
	MsgLoginWebAuthnPrepare  MessageID = 1010012 // form: the security key is asked for next
	MsgLoginContinue         MessageID = 1010013 // button that goes on to the next step
	MsgLoginCodeSent         MessageID = 1010014 // form: a sign-in code is on its way
	MsgLoginCode             MessageID = 1010015 // button that asks for a sign-in code
	MsgLoginLinkHint         MessageID = 1010016 // form: the provider's address belongs to an account already; context duplicateIdentifier, provider
	MsgLoginAndLink          MessageID = 1010017 // button that signs in and links a provider
	MsgLoginWithAndLink      MessageID = 1010018 // button of a provider that signs in and links another; context provider, provider_id
	MsgLoginCodeSecondFactor MessageID = 1010019 // button that asks for a code as second factor
	MsgLoginPasskey          MessageID = 1010021 // button of the passkey
	MsgLoginPassword         MessageID = 1010022 // button of the password form
	MsgLoginCodeTo           MessageID = 1010023 // button that sends a second-factor code to one address; context address, channel
	MsgLoginCodeSentMasked   MessageID = 1010025 // form: a second-factor code is on its way

	// Registration.

	MsgRegistration         MessageID = 1040001 // button of the password form
	MsgRegistrationWith     MessageID = 1040002 // button of a sign-up provider; context provider, provider_id
	MsgRegistrationContinue MessageID = 1040003 // button that goes on, also after a provider left traits open
	MsgRegistrationWebAuthn MessageID = 1040004 // button of the security key
	MsgRegistrationCodeSent MessageID = 1040005 // form: a sign-up code is on its way
	MsgRegistrationCode     MessageID = 1040006 // button that asks for a sign-up code
	MsgRegistrationPasskey  MessageID = 1040007 // button of the passkey
	MsgRegistrationBack     MessageID = 1040008 // button back to the traits
	MsgRegistrationChoose   MessageID = 1040009 // form: the traits are fine, a credential comes next

	// Settings.

	MsgSettingsSaved            MessageID = 1050001 // form: the change is stored
	MsgSettingsLink             MessageID = 1050002 // button that links a provider; context provider
	MsgSettingsUnlink           MessageID = 1050003 // button that unlinks a provider; context provider
	MsgSettingsUnlinkTOTP       MessageID = 1050004 // button that removes the authenticator app
	MsgSettingsTOTPQR           MessageID = 1050005 // label of totp_qr
	MsgSettingsTOTPSecret       MessageID = 1050006 // text of totp_secret_key; context secret
	MsgSettingsLookupReveal     MessageID = 1050007 // button that shows the backup codes
	MsgSettingsLookupRegenerate MessageID = 1050008 // button that makes new backup codes
	MsgSettingsLookupCode       MessageID = 1050009 // one unused backup code; context secret
	MsgSettingsLookupLabel      MessageID = 1050010 // label of lookup_secret_codes
	MsgSettingsLookupConfirm    MessageID = 1050011 // button that activates new backup codes
	MsgSettingsWebAuthnAdd      MessageID = 1050012 // button that adds a security key
	MsgSettingsWebAuthnName     MessageID = 1050013 // label of webauthn_register_displayname
	MsgSettingsLookupUsed       MessageID = 1050014 // one used backup code; context used_at, used_at_unix
	MsgSettingsLookupCodes      MessageID = 1050015 // text of lookup_secret_codes; context secrets
	MsgSettingsLookupDisable    MessageID = 1050016 // button that removes all backup codes
	MsgSettingsTOTPSecretLabel  MessageID = 1050017 // label of totp_secret_key
	MsgSettingsWebAuthnRemove   MessageID = 1050018 // button that removes a security key; context display_name, added_at, added_at_unix
	MsgSettingsPasskeyAdd       MessageID = 1050019 // button that adds a passkey
	MsgSettingsPasskeyRemove    MessageID = 1050020 // button that removes a passkey; context display_name, added_at, added_at_unix

	// Recovery.

	MsgRecovered              MessageID = 1060001 // settings form after recovery; context privilegedSessionExpiresAt and its newer spellings
	MsgRecoveryLinkSent       MessageID = 1060002 // form: a recovery link is on its way
	MsgRecoveryCodeSent       MessageID = 1060003 // form: a recovery code is on its way
	MsgRecoveryCodeSentMasked MessageID = 1060004 // form: a recovery code went to a known address; context masked_address
	MsgRecoveryAskFullAddress MessageID = 1060005 // form: the address has to be typed in full
	MsgRecoveryAskChoice      MessageID = 1060006 // form: which address to recover with
	MsgRecoveryBack           MessageID = 1060007 // button back

	// Labels that several forms share.

	MsgPasswordLabel         MessageID = 1070001 // label of password
	MsgTraitLabel            MessageID = 1070002 // label of a trait: its title in the schema; context title, name
	MsgSave                  MessageID = 1070003 // button that saves
	MsgIdentifierLabel       MessageID = 1070004 // label of the login field when the schema has no title for it
	MsgSubmit                MessageID = 1070005 // button that submits
	MsgTOTPCodeLabel         MessageID = 1070006 // label of totp_code in settings
	MsgEmailLabel            MessageID = 1070007 // label of email
	MsgResendCode            MessageID = 1070008 // button that sends the code again
	MsgContinue              MessageID = 1070009 // button or link that goes on
	MsgRecoveryCodeLabel     MessageID = 1070010 // label of the recovery code
	MsgVerificationCodeLabel MessageID = 1070011 // label of the verification code
	MsgRegistrationCodeLabel MessageID = 1070012 // label of the sign-up code
	MsgLoginCodeLabel        MessageID = 1070013 // label of the sign-in code
	MsgLoginAndLinkLabel     MessageID = 1070014 // button that signs in and links a credential
	MsgCaptchaLabel          MessageID = 1070015 // label of the captcha
	MsgRecoveryAddressLabel  MessageID = 1070016 // label of the recovery address
	MsgPhoneLabel            MessageID = 1070017 // label of a phone number
	MsgEmailOrPhoneLabel     MessageID = 1070018 // label of a field that takes either

	// Verification.

	MsgVerificationLinkSent    MessageID = 1080001 // form: a verification link is on its way
	MsgVerified                MessageID = 1080002 // form: the address is verified
	MsgVerificationCodeSent    MessageID = 1080003 // form: a verification code is on its way
	MsgVerificationCodeSentSMS MessageID = 1080004 // form: a verification code is on its way by SMS
	MsgPhoneVerified           MessageID = 1080005 // form: the phone number is verified

	// What is wrong with a value.

	MsgInvalid            MessageID = 4000001 // any error that has no id of its own; context reason
	MsgRequired           MessageID = 4000002 // a required property is missing; context property
	MsgMinLength          MessageID = 4000003 // string too short; context min_length, actual_length
	MsgPattern            MessageID = 4000004 // string does not match; context pattern
	MsgPasswordPolicy     MessageID = 4000005 // password refused for a reason without an id; context reason
	MsgCredentialsInvalid MessageID = 4000006 // form: unknown identifier or wrong password, without saying which
	MsgDuplicate          MessageID = 4000007 // form: the identifier or address is taken
	MsgTOTPInvalid        MessageID = 4000008 // wrong code of the authenticator app, or failed security key
	MsgNoIdentifier       MessageID = 4000009 // form: the traits hold nothing to sign in with
	MsgAddressNotVerified MessageID = 4000010 // form: signing in needs a verified address
	MsgNoTOTP             MessageID = 4000011 // form: second factor not set up
	MsgLookupUsed         MessageID = 4000012 // form: backup code used before
	MsgNoWebAuthn         MessageID = 4000013 // form: second factor not set up
	MsgNoLookup           MessageID = 4000014 // form: second factor not set up
	MsgNoWebAuthnAccount  MessageID = 4000015 // form: unknown account or no security key, without saying which
	MsgLookupInvalid      MessageID = 4000016 // form: unknown backup code
	MsgMaxLength          MessageID = 4000017 // string too long; context max_length, actual_length
	MsgMinimum            MessageID = 4000018 // number too small; context minimum, actual
	MsgExclusiveMinimum   MessageID = 4000019 // number too small; context minimum, actual
	MsgMaximum            MessageID = 4000020 // number too large; context maximum, actual
	MsgExclusiveMaximum   MessageID = 4000021 // number too large; context maximum, actual
	MsgMultipleOf         MessageID = 4000022 // number off the grid; context base, actual
	MsgMaxItems           MessageID = 4000023 // list too long; context max_items, actual_items
	MsgMinItems           MessageID = 4000024 // list too short; context min_items, actual_items
	MsgUniqueItems        MessageID = 4000025 // list with duplicates; context index_a, index_b
	MsgWrongType          MessageID = 4000026 // value of another type; context allowed_types, allowed_types_list, actual_type
	MsgDuplicateLink      MessageID = 4000027 // form: the provider's address belongs to an account already
	MsgDuplicateHint      MessageID = 4000028 // form: as before, with a hint; context credential_identifier_hint, available_credential_types, available_oidc_providers and their _list forms
	MsgConst              MessageID = 4000029 // value is not the one allowed; context expected
	MsgConstGeneric       MessageID = 4000030 // value is not the one allowed
	MsgPasswordSimilar    MessageID = 4000031 // password too close to the identifier
	MsgPasswordTooShort   MessageID = 4000032 // context min_length, actual_length
	MsgPasswordTooLong    MessageID = 4000033 // context max_length, actual_length
	MsgPasswordBreached   MessageID = 4000034 // password found in data breaches
	MsgNoCodeAccount      MessageID = 4000035 // form: unknown account or no sign-in by code, without saying which
	MsgTraitsMismatch     MessageID = 4000036 // form: the traits changed between two steps
	MsgNoSuchAccount      MessageID = 4000037 // form: unknown account or no way to sign in, without saying which
	MsgCaptchaFailed      MessageID = 4000038 // form: captcha not solved
	MsgPasswordUnchanged  MessageID = 4000039 // new password equals the old one
	MsgEmailInvalid       MessageID = 4000040 // no email address; context value
	MsgPhoneInvalid       MessageID = 4000041 // no phone number; context value

	// What is wrong with a flow.

	MsgLoginExpired             MessageID = 4010001 // form; context expired_at, expired_at_unix
	MsgLoginNoMethod            MessageID = 4010002 // form: no method took the submission
	MsgRegistrationNoMethod     MessageID = 4010003 // form: no method took the submission
	MsgSettingsNoMethod         MessageID = 4010004 // form: no method took the submission
	MsgRecoveryNoMethod         MessageID = 4010005 // form: no method took the submission
	MsgVerificationNoMethod     MessageID = 4010006 // form: no method took the submission
	MsgLoginCompleted           MessageID = 4010007 // form: the flow was completed before
	MsgLoginCodeInvalid         MessageID = 4010008 // form: wrong or used code
	MsgLinkMismatch             MessageID = 4010009 // form: signed in with another credential than the one to link
	MsgLoginAddressUnknown      MessageID = 4010010 // form: the address is not one of the account's
	MsgAccountDisabled          MessageID = 4010011 // form: the identity is switched off
	MsgRegistrationExpired      MessageID = 4040001 // form; context expired_at, expired_at_unix
	MsgRegistrationCompleted    MessageID = 4040002 // form: the flow was completed before
	MsgRegistrationCodeInvalid  MessageID = 4040003 // form: wrong or used code
	MsgSettingsExpired          MessageID = 4050001 // form; context expired_at, expired_at_unix
	MsgSettingsOneAddress       MessageID = 4050002 // form: two addresses changed at once
	MsgRecoveryCompleted        MessageID = 4060001 // form: the flow was completed before
	MsgRecoveryFailed           MessageID = 4060002 // form: the flow can't go on
	MsgRecoveryMissingToken     MessageID = 4060003 // reserved
	MsgRecoveryTokenInvalid     MessageID = 4060004 // form: unknown, used or expired link
	MsgRecoveryExpired          MessageID = 4060005 // form; context expired_at, expired_at_unix
	MsgRecoveryCodeInvalid      MessageID = 4060006 // form: wrong or used code
	MsgVerificationTokenInvalid MessageID = 4070001 // form: unknown, used or expired link
	MsgVerificationCompleted    MessageID = 4070002 // form: the flow was completed before
	MsgVerificationFailed       MessageID = 4070003 // form: the flow can't go on
	MsgVerificationMissingToken MessageID = 4070004 // reserved
	MsgVerificationExpired      MessageID = 4070005 // form; context expired_at, expired_at_unix
	MsgVerificationCodeInvalid  MessageID = 4070006 // form: wrong or used code

	// What is wrong with the server.

	MsgSystem        MessageID = 5000001 // reserved; context reason
	MsgNoAuthMethods MessageID = 5000002 // form: the configuration offers no way to sign in
)

// messages is the one table of types and sentences. A word in braces is filled in from the context.
var messages = map[MessageID]struct {
	kind MessageType
	text string
}{
	// Login.
	MsgLogin:                 {Info, "Sign in"},
	MsgLoginWith:             {Info, "Sign in with {provider}"},
	MsgLoginRefresh:          {Info, "Please sign in again to confirm that it is you."},
	MsgLoginSecondFactor:     {Info, "One more step: please confirm with your second factor."},
	MsgLoginVerify:           {Info, "Verify"},
	MsgLoginTOTPLabel:        {Info, "Authentication code"},
	MsgLoginLookupLabel:      {Info, "Backup recovery code"},
	MsgLoginWebAuthn:         {Info, "Sign in with hardware key"},
	MsgLoginTOTP:             {Info, "Use Authenticator"},
	MsgLoginLookup:           {Info, "Use backup recovery code"},
	MsgLoginContinueWebAuthn: {Info, "Sign in with hardware key"},
	MsgLoginWebAuthnPrepare:  {Info, "Have your security key or biometric device ready, then press continue."},
	MsgLoginContinue:         {Info, "Continue"},
	MsgLoginCodeSent:         {Info, "We sent a code to the address you entered. If it does not arrive, check the address for typing mistakes and try again."},
	MsgLoginCode:             {Info, "Send sign in code"},
	MsgLoginLinkHint:         {Info, `An account with "{duplicateIdentifier}" exists already. Sign in with one of the options below to add "{provider}" to it.`},
	MsgLoginAndLink:          {Info, "Sign in and link"},
	MsgLoginWithAndLink:      {Info, "Confirm with {provider}"},
	MsgLoginCodeSecondFactor: {Info, "Request code to continue"},
	MsgLoginPasskey:          {Info, "Sign in with passkey"},
	MsgLoginPassword:         {Info, "Sign in with password"},
	MsgLoginCodeTo:           {Info, "Send code to {address}"},
	MsgLoginCodeSentMasked:   {Info, "We sent a code to your address. If it does not arrive, please try again."},

	// Registration.
	MsgRegistration:         {Info, "Sign up"},
	MsgRegistrationWith:     {Info, "Sign up with {provider}"},
	MsgRegistrationContinue: {Info, "Continue"},
	MsgRegistrationWebAuthn: {Info, "Sign up with security key"},
	MsgRegistrationCodeSent: {Info, "We sent a code to the address you entered. If it does not arrive, check the address for typing mistakes and sign up again."},
	MsgRegistrationCode:     {Info, "Send sign up code"},
	MsgRegistrationPasskey:  {Info, "Sign up with passkey"},
	MsgRegistrationBack:     {Info, "Back"},
	MsgRegistrationChoose:   {Info, "Please choose how you want to sign in from now on."},

	// Settings.
	MsgSettingsSaved:            {Success, "Your changes are saved."},
	MsgSettingsLink:             {Info, "Link {provider}"},
	MsgSettingsUnlink:           {Info, "Unlink {provider}"},
	MsgSettingsUnlinkTOTP:       {Info, "Unlink TOTP Authenticator App"},
	MsgSettingsTOTPQR:           {Info, "Authenticator app QR code"},
	MsgSettingsTOTPSecret:       {Info, "{secret}"},
	MsgSettingsLookupReveal:     {Info, "Show which backup recovery codes are left"},
	MsgSettingsLookupRegenerate: {Info, "Generate new backup recovery codes"},
	MsgSettingsLookupCode:       {Info, "{secret}"},
	MsgSettingsLookupLabel:      {Info, "Here are your backup recovery codes, each of which works once. Please print or copy them now: they are not shown again."},
	MsgSettingsLookupConfirm:    {Info, "Confirm backup recovery codes"},
	MsgSettingsWebAuthnAdd:      {Info, "Add security key"},
	MsgSettingsWebAuthnName:     {Info, "Name of the security key"},
	MsgSettingsLookupUsed:       {Info, "Used at {used_at}"},
	MsgSettingsLookupCodes:      {Info, ""},
	MsgSettingsLookupDisable:    {Info, "Disable this method"},
	MsgSettingsTOTPSecretLabel:  {Info, "This is the secret of your authenticator app. Type it in if you can not scan the QR code."},
	MsgSettingsWebAuthnRemove:   {Info, `Remove security key "{display_name}"`},
	MsgSettingsPasskeyAdd:       {Info, "Add passkey"},
	MsgSettingsPasskeyRemove:    {Info, `Remove passkey "{display_name}"`},

	// Recovery.
	MsgRecovered:              {Success, "Your account is recovered. Please change your password or set up another way to sign in within the next {minutes} minutes."},
	MsgRecoveryLinkSent:       {Info, "If the address belongs to an account, an email with a recovery link is on its way. If it does not arrive, check the address for typing mistakes and use the one you registered with."},
	MsgRecoveryCodeSent:       {Info, "If the address belongs to an account, an email with a recovery code is on its way. If it does not arrive, check the address for typing mistakes and use the one you registered with."},
	MsgRecoveryCodeSentMasked: {Info, `We sent a recovery code to "{masked_address}". If it does not arrive, check that you use the address you registered with.`},
	MsgRecoveryAskFullAddress: {Info, "Please enter your recovery address in full."},
	MsgRecoveryAskChoice:      {Info, "How do you want to recover your account?"},
	MsgRecoveryBack:           {Info, "Back"},

	// Labels that several forms share.
	MsgPasswordLabel:         {Info, "Password"},
	MsgTraitLabel:            {Info, "{title}"},
	MsgSave:                  {Info, "Save"},
	MsgIdentifierLabel:       {Info, "ID"},
	MsgSubmit:                {Info, "Submit"},
	MsgTOTPCodeLabel:         {Info, "Verify code"},
	MsgEmailLabel:            {Info, "Email"},
	MsgResendCode:            {Info, "Resend code"},
	MsgContinue:              {Info, "Continue"},
	MsgRecoveryCodeLabel:     {Info, "Recovery code"},
	MsgVerificationCodeLabel: {Info, "Verification code"},
	MsgRegistrationCodeLabel: {Info, "Registration code"},
	MsgLoginCodeLabel:        {Info, "Login code"},
	MsgLoginAndLinkLabel:     {Info, "Login and link credential"},
	MsgCaptchaLabel:          {Info, "Please solve the captcha to continue."},
	MsgRecoveryAddressLabel:  {Info, "Recovery address"},
	MsgPhoneLabel:            {Info, "Phone number"},
	MsgEmailOrPhoneLabel:     {Info, "Email or phone number"},

	// Verification.
	MsgVerificationLinkSent:    {Info, "An email with a verification link is on its way. If it does not arrive, check the address for typing mistakes and use the one you registered with."},
	MsgVerified:                {Success, "Your email address is verified."},
	MsgVerificationCodeSent:    {Info, "An email with a verification code is on its way. If it does not arrive, check the address for typing mistakes and use the one you registered with."},
	MsgVerificationCodeSentSMS: {Info, "An SMS with a verification code is on its way. If it does not arrive, check the number for typing mistakes and use the one you registered with."},
	MsgPhoneVerified:           {Success, "Your phone number is verified."},

	// What is wrong with a value.
	MsgInvalid:            {Error, "{reason}"},
	MsgRequired:           {Error, "Please fill in {property}."},
	MsgMinLength:          {Error, "Please enter at least {min_length} characters, this has {actual_length}."},
	MsgPattern:            {Error, `This does not match the pattern "{pattern}".`},
	MsgPasswordPolicy:     {Error, "Please choose another password: {reason}"},
	MsgCredentialsInvalid: {Error, "Those sign-in details do not match an account. Check the spelling of your password and your username, email address or phone number."},
	MsgDuplicate:          {Error, "An account with this identifier (email, phone, username, ...) exists already. Please sign in or use another one."},
	MsgTOTPInvalid:        {Error, "The authentication code is not valid. Please try again with a new one."},
	MsgNoIdentifier:       {Error, "There is nothing to sign in with yet. Please fill in an identifier, such as an email address; if the form has no such field, its schema is incomplete."},
	MsgAddressNotVerified: {Error, "This account is not active yet. Please verify your email address first."},
	MsgNoTOTP:             {Error, "No authenticator app is set up for this account."},
	MsgLookupUsed:         {Error, "This backup recovery code was used before. Please enter another one."},
	MsgNoWebAuthn:         {Error, "No security key is set up for this account."},
	MsgNoLookup:           {Error, "No backup recovery codes are set up for this account."},
	MsgNoWebAuthnAccount:  {Error, "There is no such account, or it has no security key."},
	MsgLookupInvalid:      {Error, "The backup recovery code is not valid. Please check it and try again."},
	MsgMaxLength:          {Error, "Please enter at most {max_length} characters, this has {actual_length}."},
	MsgMinimum:            {Error, "Please enter {minimum} or more, this is {actual}."},
	MsgExclusiveMinimum:   {Error, "Please enter more than {minimum}, this is {actual}."},
	MsgMaximum:            {Error, "Please enter {maximum} or less, this is {actual}."},
	MsgExclusiveMaximum:   {Error, "Please enter less than {maximum}, this is {actual}."},
	MsgMultipleOf:         {Error, "Please enter a multiple of {base}, this is {actual}."},
	MsgMaxItems:           {Error, "Please enter at most {max_items} items, there are {actual_items}."},
	MsgMinItems:           {Error, "Please enter at least {min_items} items, there are {actual_items}."},
	MsgUniqueItems:        {Error, "The items {index_a} and {index_b} are equal, please change one."},
	MsgWrongType:          {Error, "Please enter a value of type {allowed_types_list}, this is a {actual_type}."},
	MsgDuplicateLink:      {Error, "An account with this identifier (email, phone, username, ...) exists already. Please sign in to it to link your social profile."},
	MsgDuplicateHint:      {Error, "An account with {credential_identifier_hint} exists already. You can sign in with {available_credential_types_list}."},
	MsgConst:              {Error, "This has to be {expected}."},
	MsgConstGeneric:       {Error, "This value is not allowed here."},
	MsgPasswordSimilar:    {Error, "This password is too similar to your identifier. Please choose another one."},
	MsgPasswordTooShort:   {Error, "Please choose a password of at least {min_length} characters, this has {actual_length}."},
	MsgPasswordTooLong:    {Error, "Please choose a password of at most {max_length} characters, this has {actual_length}."},
	MsgPasswordBreached:   {Error, "This password is known from data breaches and can not be used. Please choose another one."},
	MsgNoCodeAccount:      {Error, "There is no such account, or it can not sign in with a code."},
	MsgTraitsMismatch:     {Error, "The details differ from those entered before. Please start again."},
	MsgNoSuchAccount:      {Error, "There is no such account, or it has no way to sign in."},
	MsgCaptchaFailed:      {Error, "The captcha was not solved. Please try again."},
	MsgPasswordUnchanged:  {Error, "Please choose a password that differs from the old one."},
	MsgEmailInvalid:       {Error, "Please enter a valid email address."},
	MsgPhoneInvalid:       {Error, "Please enter a valid phone number."},

	// What is wrong with a flow.
	MsgLoginExpired:             {Error, "The sign-in page expired {minutes} minutes ago. Please try again."},
	MsgLoginNoMethod:            {Error, "There is no way to sign in with what was sent. Please check that the form is filled in."},
	MsgRegistrationNoMethod:     {Error, "There is no way to sign up with what was sent. Please check that the form is filled in."},
	MsgSettingsNoMethod:         {Error, "There is nothing to change in what was sent. Please check that the form is filled in."},
	MsgRecoveryNoMethod:         {Error, "There is no way to recover the account with what was sent. Please check that the form is filled in."},
	MsgVerificationNoMethod:     {Error, "There is no way to verify the address with what was sent. Please check that the form is filled in."},
	MsgLoginCompleted:           {Error, "This sign-in is complete and can not be repeated."},
	MsgLoginCodeInvalid:         {Error, "The sign-in code is not valid or was used before. Please try again."},
	MsgLinkMismatch:             {Error, "These sign-in details do not belong to the account to link."},
	MsgLoginAddressUnknown:      {Error, "This address is not known for this account. Please check it."},
	MsgAccountDisabled:          {Error, "This account is switched off. Please contact support."},
	MsgRegistrationExpired:      {Error, "The sign-up page expired {minutes} minutes ago. Please try again."},
	MsgRegistrationCompleted:    {Error, "This sign-up is complete and can not be repeated."},
	MsgRegistrationCodeInvalid:  {Error, "The sign-up code is not valid or was used before. Please try again."},
	MsgSettingsExpired:          {Error, "The settings page expired {minutes} minutes ago. Please try again."},
	MsgSettingsOneAddress:       {Error, "Please change one address at a time."},
	MsgRecoveryCompleted:        {Error, "This recovery is complete and can not be repeated."},
	MsgRecoveryFailed:           {Error, "This recovery can not go on. Please start again."},
	MsgRecoveryMissingToken:     {Error, "The recovery link is incomplete. Please start again."},
	MsgRecoveryTokenInvalid:     {Error, "The recovery link is not valid or was used before. Please start again."},
	MsgRecoveryExpired:          {Error, "The recovery page expired {minutes} minutes ago. Please try again."},
	MsgRecoveryCodeInvalid:      {Error, "The recovery code is not valid or was used before. Please try again."},
	MsgVerificationTokenInvalid: {Error, "The verification link is not valid or was used before. Please start again."},
	MsgVerificationCompleted:    {Error, "This verification is complete and can not be repeated."},
	MsgVerificationFailed:       {Error, "This verification can not go on. Please start again."},
	MsgVerificationMissingToken: {Error, "The verification link is incomplete. Please start again."},
	MsgVerificationExpired:      {Error, "The verification page expired {minutes} minutes ago. Please try again."},
	MsgVerificationCodeInvalid:  {Error, "The verification code is not valid or was used before. Please try again."},

	// What is wrong with the server.
	MsgSystem:        {Error, "{reason}"},
	MsgNoAuthMethods: {Error, "There is no way to sign in at the moment. Please contact the administrator."},
}
