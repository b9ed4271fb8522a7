//! The roles that tokens have.

/// What a token allows. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at everything.
    Read,
    /// Push operators; deploy, swap, start and stop jobs.
    Deploy,
    /// Remove operators, jobs and what is kept of them.
    Admin,
}

impl Role {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Admin => "admin",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Read, Self::Deploy, Self::Admin].into_iter().find(|role| role.name() == name)
    }
}
