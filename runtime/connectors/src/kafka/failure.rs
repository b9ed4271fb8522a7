//! Classifies errors of librdkafka: the error that the job reports, whether the transaction can be aborted and tried again, and whether
//! a new producer would succeed. Nothing here calls a client.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use weir_core::connector::ConnectorError;

/// Why a transaction is not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// It has to be aborted, and can be done again.
    Abort(String),
    /// It cannot be done by us.
    Final(ConnectorError),
}

impl Failure {
    /// What a call says, or the reason for which its client takes no more calls (`fatal`).
    pub(super) fn of(error: &KafkaError, fatal: Option<(RDKafkaErrorCode, String)>, what: &str) -> Self {
        use RDKafkaErrorCode as C;
        let code = match error {
            KafkaError::Transaction(error) => Some(error.code()),
            other => other.rdkafka_error_code(),
        };
        let is_fenced = |code: C| matches!(code, C::Fenced | C::ProducerFenced | C::InvalidProducerEpoch);
        if [code, fatal.as_ref().map(|(code, _)| *code)].into_iter().flatten().any(is_fenced) {
            return Self::Final(ConnectorError::Fenced(format!(
                "{what}: a newer generation of this job has taken over, or another sink has the same `transactional-id` \
                 (by default the names of job and topic)"
            )));
        }
        // A client that takes no more calls: most reasons are over with the next one.
        if let Some((_, reason)) = fatal {
            return Self::Final(passing(what, reason));
        }
        let is_abortable = match error {
            KafkaError::Transaction(error) => error.txn_requires_abort(),
            // The transaction has failed already; why is said when it is aborted.
            KafkaError::MessageProduction(C::State) => true,
            _ => false,
        };
        match code {
            _ if is_abortable => Self::Abort(describe(error)),
            Some(code) if is_refused(code) => Self::Final(ConnectorError::Data(format!("{what}: {}", describe(error)))),
            _ => Self::Final(cannot(what, error)),
        }
    }

    pub(super) fn last(self, what: &str) -> ConnectorError {
        match self {
            Self::Final(error) => error,
            Self::Abort(reason) => passing(what, reason),
        }
    }
}

/// An error that may be over when the job starts again.
pub(super) fn passing(what: &str, reason: String) -> ConnectorError {
    ConnectorError::Io { what: what.to_owned(), source: std::io::Error::other(reason) }
}

/// An error of the client as one of ours.
pub(super) fn cannot(what: &str, error: &KafkaError) -> ConnectorError {
    ConnectorError::Io { what: what.to_owned(), source: std::io::Error::other(describe(error)) }
}

/// What librdkafka says, without the name of the call that it was said to.
pub(super) fn describe(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(error) => error.string(),
        KafkaError::ClientConfig(_, reason, name, value) => format!("{name} = {value:?}: {reason}"),
        KafkaError::ClientCreation(reason) => reason.clone(),
        other => match other.rdkafka_error_code() {
            Some(code) => code.to_string(),
            None => other.to_string(),
        },
    }
}

/// Whether a message is refused for what it is, and would be again.
pub(super) fn is_refused(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::MessageSizeTooLarge
            | C::MessageBatchTooLarge
            | C::InvalidRecord
            | C::InvalidTimestamp
            | C::PolicyViolation
            | C::UnsupportedCompressionType
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_be_refused_again_ends_a_job() {
        use RDKafkaErrorCode as C;
        let of = |code, fatal: Option<C>| {
            let fatal = fatal.map(|code| (code, "why".to_owned()));
            match Failure::of(&KafkaError::MessageProduction(code), fatal, "cannot write").last("cannot write") {
                ConnectorError::Fenced(_) => "fenced",
                ConnectorError::Data(_) => "never",
                ConnectorError::Io { .. } => "again",
                _ => "else",
            }
        };
        for (code, fatal, expected) in [
            (C::Fatal, Some(C::Fenced), "fenced"),
            (C::ProducerFenced, None, "fenced"),
            (C::Fatal, Some(C::TransactionalIdAuthorizationFailed), "again"),
            (C::TopicAuthorizationFailed, None, "again"),
            (C::UnknownTopicOrPartition, None, "again"),
            (C::Fatal, Some(C::OutOfOrderSequenceNumber), "again"),
            (C::MessageSizeTooLarge, None, "never"),
            (C::State, None, "again"),
            (C::Fatal, None, "again"),
        ] {
            assert_eq!(of(code, fatal), expected, "{code:?} {fatal:?}");
        }
    }
}
