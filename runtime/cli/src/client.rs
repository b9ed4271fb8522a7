//! The client of a server: one request a call, problems as errors. It knows addresses, never what they mean.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use reqwest::Method;
use reqwest::blocking::{Body, Client as Http, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use weir_server::{ProblemDocument, check_private_file};

/// Where a server listens if nobody says otherwise.
pub(crate) const LISTEN_DEFAULT: &str = "127.0.0.1:7474";

/// How long a look at something may take.
const LOOK_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a connection may take. The answer to a change may take as long as a compiler or a last checkpoint does.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Which server.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// The server's address [default: $WEIR_SERVER, or http://127.0.0.1:7474]
    #[arg(long, value_name = "URL", global = true)]
    server: Option<String>,
    /// A file with the token [default: the token in $WEIR_TOKEN]
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// A CA certificate to verify the server's certificate with, PEM [default: $WEIR_CA, and those of the system]
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
}

/// A server.
pub(crate) struct Client {
    base: String,
    token: Option<String>,
    http: Http,
}

impl ServerArgs {
    /// The server; it is not asked yet.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let base = self.server.clone().or_else(|| set("WEIR_SERVER"));
        let base = base.unwrap_or_else(|| format!("http://{LISTEN_DEFAULT}"));
        let base = if base.contains("://") { base } else { format!("http://{base}") };
        let token = match &self.token_file {
            Some(path) => {
                check_private_file(path).with_context(|| format!("cannot use {}", path.display()))?;
                Some(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?)
            }
            None => set("WEIR_TOKEN"),
        };
        let token = token.map(|token| token.trim().to_owned());
        if token.as_ref().is_some_and(|token| token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            bail!("that is not a token: a token is one word, as `weir token create` prints it");
        }
        if !base.starts_with("http://") && !base.starts_with("https://") {
            bail!("{base} is not an address of a server: write http://HOST:PORT or https://HOST:PORT");
        }
        if token.is_some() && !is_private(&base) {
            bail!("{base} would get the token in plain text: write https://, or use a proxy on this machine");
        }
        // The state's store may have said so before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = Http::builder().timeout(None).connect_timeout(CONNECT_TIME_MAX);
        if let Some(path) = self.ca.clone().or_else(|| set("WEIR_CA").map(PathBuf::from)) {
            let pem = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem);
            http = http.tls_certs_merge(certificates.with_context(|| format!("{} is no certificate", path.display()))?);
        }
        Ok(Client {
            base: base.trim_end_matches('/').to_owned(),
            token,
            http: http.build().context("no connection can be made")?,
        })
    }
}

impl Client {
    /// Asks for something.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.answer(self.request(Method::GET, path).timeout(LOOK_TIME_MAX))
    }

    /// Asks for something that is read as it comes.
    pub(crate) fn stream(&self, path: &str) -> anyhow::Result<impl Read + use<>> {
        self.send(self.request(Method::GET, path))
    }

    /// Asks for something to be done.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        self.answer(self.request(Method::POST, path).json(body))
    }

    /// Sends a component.
    pub(crate) fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: impl Read + Send + 'static,
        bytes: u64,
    ) -> anyhow::Result<T> {
        // Of a body that cannot be sent the library says no more than that; what keeps it from the server is said of this.
        self.send(self.request(Method::GET, "/v1/health").timeout(LOOK_TIME_MAX))?;
        let request = self.request(Method::POST, path).query(query).header("content-type", "application/wasm");
        self.answer(request.body(Body::sized(body, bytes)))
    }

    /// Removes something.
    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.send(self.request(Method::DELETE, path)).map(drop)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
        let response = self.send(request)?;
        response
            .json()
            .with_context(|| format!("{} gave an answer that this version of weir does not understand", self.base))
    }

    fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = request.send().map_err(|error| {
            let told = anyhow::Error::new(error.without_url());
            let advice = advice(&format!("{told:#}"));
            told.context(format!("no answer from {}: {advice}", self.base))
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().unwrap_or_default();
        match serde_json::from_str::<ProblemDocument>(&text) {
            Ok(problem) => Err(anyhow::Error::new(Refused(problem))),
            Err(_) => Err(anyhow!("{} answered {status}; it is not a weir server", self.base)),
        }
    }
}

/// What to do about a request without an answer, by what the libraries say of it.
fn advice(why: &str) -> &'static str {
    match why {
        _ if why.contains("CaUsedAsEndEntity") => {
            "its certificate is one that signs others, as `openssl req -x509` makes them: give the server a certificate with CA:FALSE"
        }
        _ if why.contains("certificate") => {
            "its certificate is not trusted here, or is for another name: --ca FILE (or WEIR_CA) names one to trust"
        }
        _ if why.contains("InvalidContentType") => "it does not speak TLS: write http://",
        _ if why.contains("invalid HTTP version") => "it may speak TLS: write https://",
        _ => "`weir serve` starts a server, --server names another",
    }
}

/// Whether nobody on the way can read what is sent.
fn is_private(base: &str) -> bool {
    let Some(rest) = base.strip_prefix("http://") else { return true };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    name == "localhost" || name == "[::1]" || name.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback())
}

/// What a server has refused.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) ProblemDocument);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Refused {}

/// A part of an address, whatever is in it.
pub(crate) fn part(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    // A dot alone would be taken for a step in the path.
    if text.bytes().all(|byte| byte == b'.') { text.replace('.', "%2E") } else { text.bytes().map(encode).collect() }
}

#[cfg(test)]
mod tests {
    use super::{is_private, part};

    #[test]
    fn a_token_is_sent_where_nobody_reads_it() {
        for (base, private) in [
            ("http://127.0.0.1:7474", true),
            ("http://localhost", true),
            ("https://weir.example", true),
            ("http://weir.example:7474", false),
            ("http://127.0.0.1.example", false),
        ] {
            assert_eq!(is_private(base), private, "{base}");
        }
    }

    #[test]
    fn a_part_stays_one() {
        assert_eq!(["orders", "a/b", "..", "ä"].map(part), ["orders", "a%2Fb", "%2E%2E", "%C3%A4"]);
    }
}
