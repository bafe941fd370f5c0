package takeover

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// citizen is one of many, with a password that only they have.
type citizen struct{ n int }

func (c citizen) id() string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(c.n)*2654435761, c.n)
}
func (c citizen) email() string { return fmt.Sprintf("citizen%d@example.org", c.n) }
func (c citizen) salt() []byte  { return fmt.Appendf(nil, "salt%08d", c.n) }

func (c citizen) password() string {
	if c.n < len(vectors) {
		return vectors[c.n].password
	}
	return fmt.Sprintf("staple horse %d", c.n)
}

// vectors are hashes that other programs have made.
var vectors = []struct{ password, hash string }{
	{"user1password", "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==" +
		"$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="},
	{"correct horse", "$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC"},
	{"correct horse", "$6$rounds=10000$saltstringsaltst$uWkfitxWIj/pKw1nBSBgiQR8Pwbr7IMycYT33N8JITrE33DUmC8bV6rVVtFeP/iZRI3xx58jHgvVgQRG8FBmF/"},
	{"correct horse", "$1$saltsalt$NuzA7WTAelpl95xgBGWN60"},
	{"correct horse", "$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/"},
}

// hash is the password in the format that has its turn, with the least work that the format allows.
func (c citizen) hash() (string, error) {
	if c.n < len(vectors) {
		return vectors[c.n].hash, nil
	}
	password, salt, std := []byte(c.password()), c.salt(), base64.StdEncoding.EncodeToString
	raw := base64.RawStdEncoding.EncodeToString
	switch c.n % 7 {
	case 0:
		h, err := bcrypt.GenerateFromPassword(password, bcrypt.MinCost+1)
		return string(h), err
	case 1:
		return fmt.Sprintf("$argon2id$v=19$m=64,t=1,p=1$%s$%s", raw(salt), raw(argon2.IDKey(password, salt, 1, 64, 1, 32))), nil
	case 2:
		key, err := pbkdf2.Key(sha256.New, string(password), salt, 1000, 32)
		return fmt.Sprintf("$pbkdf2-sha256$i=1000,l=32$%s$%s", raw(salt), raw(key)), err
	case 3:
		key, err := scrypt.Key(password, salt, 1<<4, 8, 1, 32)
		return fmt.Sprintf("$scrypt$ln=4,r=8,p=1$%s$%s", std(salt), std(key)), err
	case 4:
		sum := sha1.Sum(append(password, salt...))
		return "{SSHA}" + std(append(sum[:], salt...)), nil
	case 5:
		sum := md5.Sum(password)
		return "$md5$" + std(sum[:]), nil
	}
	mac := hmac.New(sha256.New, salt)
	mac.Write(password)
	return fmt.Sprintf("$hmac-sha256$%s$%s", std(mac.Sum(nil)), std(salt)), nil
}

// document makes the citizen, as the admin API takes it in a batch.
func (c citizen) document() (map[string]any, error) {
	hash, err := c.hash()
	return map[string]any{"create": map[string]any{
		"id": c.id(), "created_at": "2020-02-02T02:02:02Z", "external_id": fmt.Sprint("crm-", c.n),
		"traits": map[string]any{"email": c.email()}, "metadata_public": map[string]any{"n": c.n},
		"credentials": map[string]any{
			"password": map[string]any{"config": map[string]any{"hashed_password": hash}},
			"oidc":     map[string]any{"config": map[string]any{"providers": []any{map[string]any{"provider": "acme", "subject": fmt.Sprint("s", c.n)}}}},
		},
		"verifiable_addresses": []any{map[string]any{"value": c.email(), "via": "email", "verified": true}},
	}}, err
}
