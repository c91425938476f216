//! Who may ask. Other users of the machine can reach the port, and any page that the browser shows can make it send requests here: so
//! a request for data must bring the token, come by a loopback name and, if a page sends it, from the explorer's own.

use std::io;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::answer::Refusal;

/// What only who started the explorer knows: 128 random bits, for as long as it runs.
pub struct Token(String);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new() -> io::Result<Token> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(Token(format!("{:032x}", u128::from_ne_bytes(bits))))
    }

    /// As the page is given it, and gives it back.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Takes as long whatever is given.
    fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// Lets a request through, or refuses it; and tells the browser what it may do with the answer.
pub(super) async fn guard(
    State(token): State<Arc<Token>>,
    request: Request,
    next: Next,
) -> Response {
    let is_data = request.uri().path().starts_with("/api/");
    let authority = request.uri().authority();
    let mut response = match check(request.headers(), authority, is_data, &token) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in RULES {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// Told with every response.
const RULES: [(header::HeaderName, &str); 6] = [
    // Nothing from elsewhere, no script in the page, no page around it. Pictures are made of answers.
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        header::HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// `authority`: the host in the request's target, which is there where a client takes this for a proxy.
fn check(
    headers: &HeaderMap,
    authority: Option<&Authority>,
    is_data: bool,
    token: &Token,
) -> Result<(), Refusal> {
    let forbidden = |why: &str| Refusal::new(StatusCode::FORBIDDEN, why);
    let host = one(headers, &header::HOST)
        .and_then(|host| host.parse::<Authority>().ok())
        .filter(is_loopback)
        // A name that somebody else's server resolves to this machine.
        .ok_or_else(|| forbidden("the explorer answers to 127.0.0.1 and localhost only"))?;
    if authority.is_some_and(|authority| *authority != host) {
        return Err(forbidden("the request names two hosts"));
    }
    let from_elsewhere = || forbidden("this request comes from another page");
    if headers.contains_key(header::ORIGIN) {
        let own = format!("http://{host}");
        one(headers, &header::ORIGIN)
            .filter(|&origin| origin == own)
            .ok_or_else(from_elsewhere)?;
    }
    if !is_data {
        return Ok(());
    }
    let site = headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin") {
        return Err(from_elsewhere());
    }
    let given =
        one(headers, &header::AUTHORIZATION).and_then(|given| given.strip_prefix("Bearer "));
    match given {
        Some(given) if token.is(given) => Ok(()),
        _ => Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "the token is missing or of another run; open the address that `memdump ui` printed",
        )),
    }
}

/// The text of a header that is there once.
fn one<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let (first, None) = (all.next()?, all.next()) else {
        return None;
    };
    first.to_str().ok()
}

/// Whatever the port: through a tunnel it is another one.
fn is_loopback(host: &Authority) -> bool {
    let is_plain = !host.as_str().contains('@');
    is_plain && matches!(host.host(), "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: (&str, &str) = ("host", "127.0.0.1:8000");
    const SIGNED: (&str, &str) = ("authorization", "Bearer 0123");

    fn status(headers: &[(&str, &str)], is_data: bool) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: header::HeaderName = name.parse().expect("a name");
            map.append(name, value.parse().expect("a value"));
        }
        match check(&map, None, is_data, &Token("0123".to_owned())) {
            Ok(()) => 200,
            Err(refusal) => refusal.status.as_u16(),
        }
    }

    #[test]
    fn data_is_given_to_who_has_the_token() {
        assert_eq!(status(&[OWN, SIGNED], true), 200);
        for given in ["Bearer 0124", "Bearer 012", "Bearer ", "0123", "Basic 0123"] {
            assert_eq!(
                status(&[OWN, ("authorization", given)], true),
                401,
                "{given}"
            );
        }
        assert_eq!(status(&[OWN], true), 401);
        assert_eq!(status(&[OWN, SIGNED, SIGNED], true), 401);
        assert_eq!(status(&[OWN], false), 200);
    }

    #[test]
    fn only_loopback_names_are_answered_to() {
        for host in ["localhost:1", "127.0.0.1", "[::1]:99"] {
            assert_eq!(status(&[("host", host), SIGNED], true), 200, "{host}");
        }
        for host in [
            "evil.example:8000",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "evil@localhost",
            "10.0.0.1:8000",
            "",
        ] {
            assert_eq!(status(&[("host", host), SIGNED], true), 403, "{host}");
            assert_eq!(status(&[("host", host)], false), 403, "{host}");
        }
        assert_eq!(status(&[SIGNED], true), 403);
        assert_eq!(status(&[OWN, OWN, SIGNED], true), 403);
    }

    #[test]
    fn other_pages_are_refused() {
        let origin = |origin| status(&[OWN, SIGNED, ("origin", origin)], true);
        assert_eq!(origin("http://127.0.0.1:8000"), 200);
        for other in [
            "http://127.0.0.1:8001",
            "https://127.0.0.1:8000",
            "http://localhost:8000",
            "https://evil.example",
            "null",
        ] {
            assert_eq!(origin(other), 403, "{other}");
        }
        let site = |site, is_data| status(&[OWN, SIGNED, ("sec-fetch-site", site)], is_data);
        assert_eq!(site("same-origin", true), 200);
        for other in ["cross-site", "same-site", "none"] {
            assert_eq!(site(other, true), 403, "{other}");
        }
        // A link to the empty page is no harm.
        assert_eq!(site("cross-site", false), 200);
    }

    #[test]
    fn a_request_by_way_of_a_proxy_names_the_same_host() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("localhost:8000"));
        let token = Token("0123".to_owned());
        let by = |authority: &'static str| {
            let authority = Authority::from_static(authority);
            check(&headers, Some(&authority), false, &token).is_ok()
        };
        assert!(by("localhost:8000"));
        assert!(!by("evil.example"));
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let [a, b] = [(); 2].map(|()| Token::new().expect("random numbers"));
        assert_eq!(a.text().len(), 32);
        assert_ne!(a.text(), b.text());
    }
}
