package courier

import (
	"context"
	"log/slog"
)

// Notice tells the log what waits in a channel that nobody delivers, for
// development: its type, and where to read it. Addresses and codes are in the admin API.
type Notice struct {
	Channel string
	Store   Store
	// Message reads one message.
	Message func(ctx context.Context, id string) (*Message, error)
	// AdminURL is where the messages can be read, for example http://127.0.0.1:4434.
	AdminURL string
	Logger   *slog.Logger
}

// maxNotices is how many messages are looked through at once.
const maxNotices = 1000

// Run tells until ctx ends.
func (n *Notice) Run(ctx context.Context) error {
	arrivals, err := n.Store.Arrivals(ctx, n.Channel)
	if err != nil {
		return err
	}
	told := n.tell(ctx, nil)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, open := <-arrivals:
			if !open {
				return ctx.Err()
			}
			told = n.tell(ctx, told)
		}
	}
}

// tell logs what is new, and returns what has been told and still waits. told nil
// is the first look: what waits already is a number only.
func (n *Notice) tell(ctx context.Context, told map[string]bool) map[string]bool {
	list, err := n.Store.Outbox(ctx, n.Channel, maxNotices)
	if err != nil {
		return told
	}
	waiting := make(map[string]bool, len(list))
	for _, place := range list {
		waiting[place.MessageID] = true
		if told == nil || told[place.MessageID] {
			continue
		}
		if m, err := n.Message(ctx, place.MessageID); err == nil {
			n.Logger.Info("a message waits: no server is set that would send it", "channel", n.Channel,
				"type", m.TemplateType, "read", n.AdminURL+"/admin/courier/messages/"+m.ID)
		}
	}
	if told == nil && len(list) > 0 {
		n.Logger.Info("messages wait: no server is set that would send them", "channel", n.Channel, "messages", len(list),
			"read", n.AdminURL+"/admin/courier/messages")
	}
	return waiting
}
