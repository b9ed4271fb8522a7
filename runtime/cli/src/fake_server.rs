//! A server of HTTP for tests of what talks to one.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

/// Answers requests such as `GET /path`, one after the other, until the process ends; `None`: there is no such thing. Its address.
pub(crate) fn serve(mut answer: impl FnMut(&str) -> Option<String> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut request, mut length) = (String::new(), 0);
            stream.read_line(&mut request).unwrap();
            for line in stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()) {
                let value =
                    line.to_lowercase().strip_prefix("content-length:").map(|value| value.trim().parse().unwrap());
                length = value.unwrap_or(length);
            }
            stream.by_ref().take(length).read_to_end(&mut Vec::new()).unwrap();
            let text = answer(request.rsplit_once(" HTTP").unwrap().0);
            let (status, text) = text.map_or(("404 Not Found", String::new()), |text| ("200 OK", text));
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
            stream.get_mut().write_all((head + &text).as_bytes()).unwrap();
        }
    });
    url
}
