//! [`Trouble`]: what a client complains about, and where it may connect to, as what it is refused is a trouble. It prints nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use weir_core::allow_connect::AllowConnect;
use weir_core::connector::ConnectorError;

use super::failure::passing;

/// What a client complains about.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Whether there is any: asked for every batch.
    is_there: AtomicBool,
    said: Mutex<Said>,
    /// Where its client may connect to, if not everywhere.
    allow_connect: OnceLock<AllowConnect>,
}

#[derive(Debug, Default)]
struct Said {
    last: Option<String>,
    /// How often it was said.
    times: u64,
    fatal: Option<String>,
}

impl Trouble {
    /// Keeps it as the last trouble.
    pub(crate) fn set(&self, message: String) {
        let mut said = self.said();
        said.times = if said.last.as_ref() == Some(&message) { said.times + 1 } else { 1 };
        said.last = Some(message);
        self.is_there.store(true, Ordering::Relaxed);
    }

    /// Keeps it if there is no other, which says more.
    pub(super) fn set_if_none(&self, message: &str) {
        let mut said = self.said();
        if said.last.is_none() {
            (said.last, said.times) = (Some(message.to_owned()), 1);
            self.is_there.store(true, Ordering::Relaxed);
        }
    }

    /// The client is to connect to these places only.
    pub(super) fn hold_to(&self, rule: AllowConnect) {
        // Clients that share their troubles are of the same sink, with the same rule.
        let _ = self.allow_connect.set(rule);
    }

    /// Whether the client may connect to an address; if not, that is a trouble which does not pass.
    pub(super) fn may_connect(&self, host: &str, address: SocketAddr) -> bool {
        let Some(rule) = self.allow_connect.get() else { return true };
        let may = rule.allows(host, address);
        if !may {
            self.set_fatal(rule.refusal(host, address));
        }
        may
    }

    /// The job stops: nobody waits any longer.
    pub(crate) fn give_up(&self) {
        self.set_fatal("the job was stopped".to_owned());
    }

    pub(super) fn set_fatal(&self, message: String) {
        self.said().fatal.get_or_insert(message);
        self.is_there.store(true, Ordering::Relaxed);
    }

    /// Rows flow again.
    pub(crate) fn clear(&self) {
        if self.is_there.load(Ordering::Relaxed) {
            let mut said = self.said();
            said.last = None;
            self.is_there.store(said.fatal.is_some(), Ordering::Relaxed);
        }
    }

    /// The last trouble, as a person should see it.
    pub(crate) fn message(&self) -> Option<String> {
        let said = self.said();
        let last = said.last.as_ref()?;
        Some(if said.times > 1 { format!("{last} ({} times)", said.times) } else { last.clone() })
    }

    /// As an error, if waiting cannot help: somebody has to change something, and perhaps has when the job starts again.
    ///
    /// # Errors
    /// [`ConnectorError::Io`] with what librdkafka said.
    pub(crate) fn check(&self, what: &str) -> Result<(), ConnectorError> {
        if !self.is_there.load(Ordering::Relaxed) {
            return Ok(());
        }
        match &self.said().fatal {
            Some(fatal) => Err(passing(what, fatal.clone())),
            None => Ok(()),
        }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
