package meta

import "handoff"

// ThreadControl is the body of POST /{phone-number-id}/thread_control, which passes, releases or takes control of the thread with a
// contact (conversation routing). Whom it is about stands in "to", or in "recipient" for a business-scoped user id, as in Send.
func ThreadControl(contact []handoff.Identity, action string) ([]byte, error) {
	key, value, err := recipient(contact)
	if err != nil {
		return nil, err
	}
	body := appendField([]byte(`{"messaging_product":"whatsapp"`), key, value)
	return append(appendField(body, "action", action), '}'), nil
}
