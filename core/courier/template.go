package courier

// TemplateType names what a message is about, as on the wire.
type TemplateType string

// Template types.
const (
	RecoveryValid           TemplateType = "recovery_valid"            // a link that recovers the account
	RecoveryInvalid         TemplateType = "recovery_invalid"          // somebody tried, and nobody has this address
	RecoveryCodeValid       TemplateType = "recovery_code_valid"       // the same by code
	RecoveryCodeInvalid     TemplateType = "recovery_code_invalid"     //
	VerificationValid       TemplateType = "verification_valid"        // a link that proves the address
	VerificationInvalid     TemplateType = "verification_invalid"      // somebody tried, and nobody has this address
	VerificationCodeValid   TemplateType = "verification_code_valid"   // the same by code
	VerificationCodeInvalid TemplateType = "verification_code_invalid" //
	LoginCodeValid          TemplateType = "login_code_valid"          // signs in
	RegistrationCodeValid   TemplateType = "registration_code_valid"   // completes a registration
	Stub                    TemplateType = "stub"                      // a message that tests the delivery
)
