//! [`Guarantee`]: what a job that was killed can count on. How it is kept is the connectors'.

/// What a source or a sink can promise for a job that was killed and resumes from its last checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Every row counts once.
    ExactlyOnce,
    /// Rows since the checkpoint are there twice; the reason, as the second half of a sentence.
    AtLeastOnce(String),
    /// Rows since the checkpoint are gone; the reason.
    AtMostOnce(String),
}
