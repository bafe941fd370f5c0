package apierror

// Kind is the class of an error. It decides the HTTP status, the reason phrase and, unless the error brings its own, the
// message.
type Kind uint8

// KindInternal is the zero value on purpose: an error that nobody classified must not look like the client's mistake.
const (
	KindInternal         Kind = iota // 500
	KindBadRequest                   // 400
	KindUnauthorized                 // 401
	KindForbidden                    // 403
	KindNotFound                     // 404
	KindMethodNotAllowed             // 405
	KindNotAcceptable                // 406
	KindConflict                     // 409
	KindGone                         // 410
	KindPrecondition                 // 412
	KindTooLarge                     // 413
	KindUnsupportedMedia             // 415
	KindUnprocessable                // 422
	KindTooManyRequests              // 429
	KindNotImplemented               // 501
	KindUnavailable                  // 503
	kindCount
)

// The status and the reason phrase come from this table and not from net/http: core knows no transport, and 413 and 422
// must keep the phrases that clients of the contract see.
var kinds = [kindCount]struct {
	status     int
	statusText string
	message    string
}{
	KindInternal:         {500, "Internal Server Error", "Something went wrong on the server. Its operator finds the reason in the log"},
	KindBadRequest:       {400, "Bad Request", "The server could not make sense of the request"},
	KindUnauthorized:     {401, "Unauthorized", "The request comes without valid proof of who sent it"},
	KindForbidden:        {403, "Forbidden", "This is not allowed"},
	KindNotFound:         {404, "Not Found", "There is nothing at this address"},
	KindMethodNotAllowed: {405, "Method Not Allowed", "This address does not answer to the method of the request"},
	KindNotAcceptable:    {406, "Not Acceptable", "The answer is not available in a form that the request accepts"},
	KindConflict:         {409, "Conflict", "What exists already is in the way of this request"},
	KindGone:             {410, "Gone", "What the request is about has ended"},
	KindPrecondition:     {412, "Precondition Failed", "What the request is about has changed"},
	KindTooLarge:         {413, "Request Entity Too Large", "The request is larger than this endpoint accepts"},
	KindUnsupportedMedia: {415, "Unsupported Media Type", "The request body has a content type that this endpoint does not read"},
	KindUnprocessable:    {422, "Unprocessable Entity", "The request was well-formed but could not be processed"},
	KindTooManyRequests:  {429, "Too Many Requests", "There are too many requests at the moment, please try again shortly"},
	KindNotImplemented:   {501, "Not Implemented", "This operation is not available on this server"},
	KindUnavailable:      {503, "Service Unavailable", "The service can not answer at the moment, please try again shortly"},
}

// Status is the HTTP status code of k. An unknown kind is a 500.
func (k Kind) Status() int { return kinds[k.known()].status }

// StatusText is the reason phrase of k's status.
func (k Kind) StatusText() string { return kinds[k.known()].statusText }

// Message is what an error of this kind says when it has no message of its own.
func (k Kind) Message() string { return kinds[k.known()].message }

// String is the reason phrase, for logs and tests.
func (k Kind) String() string { return k.StatusText() }

func (k Kind) known() Kind {
	if k >= kindCount {
		return KindInternal
	}
	return k
}
