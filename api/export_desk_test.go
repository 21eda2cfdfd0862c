package api

// RenderText puts values into the text of a quick reply.
func RenderText(text string, values map[string]string) (string, error) {
	return renderText(text, values)
}

// CheckVariables refuses a text with a variable that there is not.
func CheckVariables(text string) error { return checkVariables(text) }
