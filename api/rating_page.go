package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/survey"
)

// maxSurvey is more than a form with a comment has: 1000 characters of four bytes, each written as three.
const maxSurvey = 16 << 10

// surveyStyle is the page's, and surveyPolicy lets nothing but it into the page: no script, no picture, nothing from elsewhere.
const surveyStyle = `body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
fieldset{border:0;padding:0;margin:0 0 1.5rem}legend{font-size:1.4rem;font-weight:600;margin-bottom:.5rem}
label{display:block;padding:.6rem .4rem}input[type=radio]{width:1.3rem;height:1.3rem;margin-right:.6rem;vertical-align:middle}
textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;min-height:6rem}
button{font:inherit;font-weight:600;padding:.7rem 1.6rem;margin-top:1rem;border:0;border-radius:.4rem;background:#0b5cad;color:#fff}
:focus-visible{outline:3px solid #f5a623;outline-offset:2px}
[role=status],[role=alert]{padding:.7rem 1rem;border-left:.3rem solid #0b5cad;background:#eef4fa}[role=alert]{border-color:#b3261e;background:#fbeeed}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}[role=status],[role=alert]{background:#262626}textarea{color:#eee;background:#262626}}`

var surveyPolicy = func() string {
	sum := sha256.Sum256([]byte(surveyStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// surveyPage is one form that works without scripts. The scores are radio buttons in a group with a name, so that screen readers and
// keyboards have them.
var surveyPage = template.Must(template.New("survey").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<title>{{.Title}}</title>
<style>` + surveyStyle + `</style></head>
<body><main>
{{- with .Fault}}<p role="alert">{{.}}</p>{{end}}
{{- with .Given}}<p role="status">Thank you. You gave {{.}} of 5.</p>{{end}}
{{- if .Open}}
<form method="post">
<fieldset><legend>{{.Title}}</legend>
{{- range .Scores}}
<label><input type="radio" name="score" value="{{.Value}}" required{{if .Checked}} checked{{end}}>{{.Value}} – {{.Label}}</label>
{{- end}}
</fieldset>
<label for="comment">Anything else you would like to tell us? (optional)</label>
<textarea id="comment" name="comment" maxlength="1000" rows="4">{{.Comment}}</textarea>
<button type="submit">{{if .Given}}Change{{else}}Send{{end}}</button>
</form>
{{- end}}
</main></body></html>
`))

type surveyView struct {
	Title, Fault, Comment string
	Given                 int16 // 0 until a rating was given
	Open                  bool  // can it be given or changed?
	Scores                []surveyScore
}

type surveyScore struct {
	Value   int16
	Label   string
	Checked bool
}

var scoreLabels = []string{"very poor", "poor", "fair", "good", "very good"}

const surveyTitle = "How was our service?"

func (s *server) surveyRoutes() {
	r := route{scope: publicScope, maxBody: maxSurvey, verbatim: true, guarded: true}
	s.plain(http.MethodGet, "/r/:token", r, s.showSurvey)
	s.plain(http.MethodPost, "/r/:token", r, s.answerSurvey)
}

func (s *server) showSurvey(c *gin.Context) {
	row, err := s.surveyed(c)
	if err != nil {
		s.surveyError(c, err)
		return
	}
	writeSurvey(c, http.StatusOK, s.surveyOf(row, row.Score, row.Comment))
}

// answerSurvey answers with a redirect to what was given, so that loading the page again sends nothing again.
func (s *server) answerSurvey(c *gin.Context) {
	row, err := s.surveyed(c)
	if err != nil {
		s.surveyError(c, err)
		return
	}
	form, err := url.ParseQuery(string(bodyOf(c.Request.Context())))
	if err != nil {
		form = url.Values{}
	}
	score, err := strconv.ParseInt(form.Get("score"), 10, 16)
	if err != nil || score < minScore || score > maxScore {
		view := s.surveyOf(row, row.Score, form.Get("comment"))
		view.Fault = "Please choose one of the five answers."
		writeSurvey(c, http.StatusUnprocessableEntity, view)
		return
	}
	err = s.rate(c.Request.Context(), newRating{
		account: row.AccountID, conversation: row.ConversationID, score: int16(score), comment: form.Get("comment"), via: viaLink,
	})
	switch handoff.ErrorCode(err) {
	case "", handoff.CodeConflict: // the page says what was given
		surveyHeaders(c)
		c.Header("Location", c.Param("token"))
		c.Status(http.StatusSeeOther)
	case handoff.CodeInvalid:
		view := s.surveyOf(row, int16(score), form.Get("comment"))
		view.Fault = "Your comment is too long: 1000 characters are the most."
		writeSurvey(c, http.StatusUnprocessableEntity, view)
	default:
		s.surveyError(c, err)
	}
}

// surveyed is the rating that a link leads to; without a score where none was given.
func (s *server) surveyed(c *gin.Context) (dbsqlc.Rating, error) {
	ctx := c.Request.Context()
	account, conversation, err := survey.Tokens{Sealer: s.Box}.Read(c.Param("token"), s.Now())
	if err != nil {
		return dbsqlc.Rating{}, err
	}
	row, err := s.queries(ctx).RatingGet(ctx, dbsqlc.RatingGetParams{AccountID: account, ConversationID: conversation})
	if errors.Is(err, pgx.ErrNoRows) {
		return dbsqlc.Rating{AccountID: account, ConversationID: conversation}, nil
	}
	return row, err
}

func (s *server) surveyOf(row dbsqlc.Rating, chosen int16, comment string) surveyView {
	view := surveyView{Title: surveyTitle, Given: row.Score, Comment: comment, Open: row.Score == 0 || changeable(row, s.Now())}
	for score := int16(maxScore); score >= minScore; score-- {
		view.Scores = append(view.Scores, surveyScore{Value: score, Label: scoreLabels[score-1], Checked: score == chosen})
	}
	return view
}

// surveyError says the same of every link that leads nowhere.
func (s *server) surveyError(c *gin.Context, err error) {
	p := s.problem(c.Request.Context(), err)
	for name, values := range p.GetHeaders() {
		c.Writer.Header()[name] = values
	}
	view := surveyView{Title: surveyTitle, Fault: "Something went wrong on our side. Please try again in a minute."}
	if p.Status == http.StatusNotFound {
		view.Fault = "This link has expired, or is not complete."
	}
	writeSurvey(c, p.Status, view)
}

func surveyHeaders(c *gin.Context) {
	for name, value := range map[string]string{
		"Content-Security-Policy": surveyPolicy, "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex",
	} {
		c.Header(name, value)
	}
}

func writeSurvey(c *gin.Context, status int, view surveyView) {
	var page bytes.Buffer
	if err := surveyPage.Execute(&page, view); err != nil {
		c.Status(http.StatusInternalServerError) // the template is checked by tests
		return
	}
	surveyHeaders(c)
	c.Data(status, "text/html; charset=utf-8", page.Bytes())
}

// surveyOperations describe the page.
func (s *server) surveyOperations() []*huma.Operation {
	page := map[string]*huma.MediaType{"text/html": {}}
	token := &huma.Param{Name: "token", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	show := &huma.Operation{
		OperationID: "show-survey", Method: http.MethodGet, Path: "/r/{token}", Tags: []string{ratingTag}, Security: []map[string][]string{},
		Summary:     "Show the survey",
		Description: "The page that a survey's link leads to. The link needs no key and works for 30 days; one that leads to nothing answers 404.",
		Parameters:  []*huma.Param{token}, Responses: map[string]*huma.Response{},
	}
	answer := &huma.Operation{
		OperationID: "answer-survey", Method: http.MethodPost, Path: "/r/{token}", Tags: []string{ratingTag}, Security: []map[string][]string{},
		Summary: "Answer the survey", Description: "What the page's form sends. It answers with a redirect to the page, which says what was given.",
		Parameters: []*huma.Param{token}, Responses: map[string]*huma.Response{"303": {Description: "Back to the page"}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/x-www-form-urlencoded": {Schema: s.schema(reflect.TypeFor[surveyForm]())},
		}},
	}
	for operation, statuses := range map[*huma.Operation][]int{show: {200, 404, 500, 503}, answer: {200, 404, 422, 500, 503}} {
		for _, status := range statuses {
			operation.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: page}
		}
	}
	// What does not get as far as the page is refused as everywhere.
	for status, response := range s.responses(http.StatusOK, "", reflect.TypeFor[Problem](), http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests) {
		switch status {
		case strconv.Itoa(http.StatusOK):
		case strconv.Itoa(http.StatusTooManyRequests):
			show.Responses[status], answer.Responses[status] = response, response
		default:
			answer.Responses[status] = response
		}
	}
	return []*huma.Operation{show, answer}
}

type surveyForm struct {
	Score   int16  `json:"score" minimum:"1" maximum:"5" doc:"5 is the best."`
	Comment string `json:"comment,omitempty" maxLength:"1000"`
}
