package selfservice

import "github.com/gatehouse-id/gatehouse/core/identity"

// notesPurpose is what the notes of methods are sealed for.
const notesPurpose = "flow notes"

// sealNotes makes of a flow's notes what may be stored: they can hold codes that open
// an account. They are worth nothing in another flow or to another method.
func (l *loaded) sealNotes() map[identity.CredentialType][]byte {
	if len(l.Notes) == 0 {
		return nil
	}
	sealed := make(map[identity.CredentialType][]byte, len(l.Notes))
	for method, note := range l.Notes {
		sealed[method] = l.keys.Seal(notesPurpose, note, l.notesFor(method))
	}
	return sealed
}

// openNotes is the inverse. A note that can't be opened is as good as none: the person
// begins that step again.
func (l *loaded) openNotes(sealed map[identity.CredentialType][]byte) {
	for method, s := range sealed {
		if note, err := l.keys.Open(notesPurpose, s, l.notesFor(method)); err == nil {
			l.Note(method, note)
		}
	}
}

func (l *loaded) notesFor(method identity.CredentialType) []byte {
	return []byte(l.ID + "\x00" + string(method))
}
