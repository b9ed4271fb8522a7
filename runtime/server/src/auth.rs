//! Who may do what: bearer tokens with roles. A server without tokens is open, and listens only where its own machine reaches it.

use axum::http::{HeaderMap, Method, Uri, header};
use subtle::ConstantTimeEq as _;

use crate::catalog::{Catalog, Token};
use crate::problem::{Kind, Problem};
use crate::role::Role;

/// A new token: 256 random bits.
///
/// # Errors
/// If the system provides no random bits.
pub fn new_token() -> std::io::Result<String> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(std::io::Error::other)?;
    Ok(format!("weir_{}", blake3::Hash::from_bytes(bits).to_hex()))
}

/// Refuses a request that may not be made.
///
/// `is_local`: nobody else can reach the server, so that it may be open.
pub(crate) fn check(
    catalog: &Catalog,
    is_local: bool,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let tokens = catalog.tokens()?;
    if tokens.is_empty() {
        if !is_local {
            let detail =
                "other machines can reach this server, but it has no tokens any more: `weir token create` makes one";
            return Err(Problem::new(Kind::Unauthorized, detail));
        }
        if headers.contains_key(header::ORIGIN) {
            let detail = "a server without tokens answers no pages in browsers: `weir token create` makes one";
            return Err(Problem::new(Kind::Forbidden, detail));
        }
        // HTTP/2 says it in the address.
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        return check_host(host.or_else(|| Some(uri.authority()?.as_str())).unwrap_or_default());
    }
    let unauthorized = |detail: &str| Problem::new(Kind::Unauthorized, detail);
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.ok_or_else(|| unauthorized("this server needs a token: set WEIR_TOKEN"))?;
    let token = given.strip_prefix("Bearer ").ok_or_else(|| unauthorized("the authorization is not a bearer token"))?;
    let role = role_of(&tokens, token).ok_or_else(|| unauthorized("this server does not know the token"))?;
    let needed = needed_for(method);
    if role < needed {
        let (role, needed) = (role.name(), needed.name());
        return Err(Problem::new(Kind::Forbidden, format!("that needs the role {needed}, and the token has {role}")));
    }
    Ok(())
}

/// What a request needs.
fn needed_for(method: &Method) -> Role {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => Role::Read,
        Method::DELETE => Role::Admin,
        _ => Role::Deploy,
    }
}

/// Every token is compared, and each in the same time whatever it is.
fn role_of(tokens: &[Token], given: &str) -> Option<Role> {
    let hash = blake3::hash(given.as_bytes());
    tokens.iter().filter(|token| bool::from(token.hash.as_slice().ct_eq(hash.as_bytes()))).map(|t| t.role).max()
}

/// A page in a browser must not reach an open server by a name of its own that leads to this machine.
fn check_host(host: &str) -> Result<(), Problem> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if name == "localhost" || name == "[::1]" || name.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback()) {
        return Ok(());
    }
    let detail = format!("a server without tokens answers only on this machine, but was called as {host:?}");
    Err(Problem::new(Kind::Forbidden, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &Method, headers: &[(header::HeaderName, &str)], catalog: &Catalog) -> Option<Kind> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        check(catalog, true, method, &Uri::from_static("/v1/jobs"), &headers).err().map(|problem| problem.kind)
    }

    #[test]
    fn a_role_may_do_what_those_before_it_may() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        let tokens: Vec<String> = (0..3).map(|_| new_token().unwrap()).collect();
        for (role, token) in [Role::Read, Role::Deploy, Role::Admin].into_iter().zip(&tokens) {
            assert!(catalog.add_token(role.name(), role, token, 0).unwrap());
            assert!(!catalog.add_token(role.name(), role, token, 0).unwrap(), "the name is taken");
        }
        let methods = [Method::GET, Method::POST, Method::DELETE];
        for (may, token) in tokens.iter().enumerate() {
            for (needs, method) in methods.iter().enumerate() {
                let refused = request(method, &[(header::AUTHORIZATION, &format!("Bearer {token}"))], &catalog);
                assert_eq!(refused, (may < needs).then_some(Kind::Forbidden), "{token} {method}");
            }
        }
        for given in ["", "Bearer", "Bearer weir_", "Basic abc", &tokens[0], &format!("Bearer {}x", tokens[0])] {
            let refused = request(&Method::GET, &[(header::AUTHORIZATION, given)], &catalog);
            assert_eq!(refused, Some(Kind::Unauthorized), "{given}");
        }
        assert_eq!(request(&Method::GET, &[], &catalog), Some(Kind::Unauthorized));
    }

    #[test]
    fn an_open_server_is_for_no_page_and_for_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        let of_page = [(header::HOST, "127.0.0.1:7474"), (header::ORIGIN, "https://page.example")];
        assert_eq!(request(&Method::POST, &of_page, &catalog), Some(Kind::Forbidden));
        let headers = HeaderMap::from_iter([(header::HOST, header::HeaderValue::from_static("localhost"))]);
        let refused = check(&catalog, false, &Method::GET, &Uri::from_static("/v1/jobs"), &headers);
        assert_eq!(refused.err().map(|problem| problem.kind), Some(Kind::Unauthorized));
    }

    #[test]
    fn an_open_server_is_for_its_own_machine() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        for (host, refused) in [
            ("127.0.0.1:4747", None),
            ("localhost", None),
            ("[::1]:80", None),
            ("weir.example:4747", Some(Kind::Forbidden)),
            ("127.0.0.1.example", Some(Kind::Forbidden)),
        ] {
            assert_eq!(request(&Method::POST, &[(header::HOST, host)], &catalog), refused, "{host}");
            let uri = format!("https://{host}/v1/jobs").parse().unwrap();
            let of_address = check(&catalog, true, &Method::POST, &uri, &HeaderMap::new());
            assert_eq!(of_address.err().map(|problem| problem.kind), refused, "{uri}");
        }
    }
}
