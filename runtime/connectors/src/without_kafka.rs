//! What a build without the feature `kafka` says of `connector = "kafka"`.

use weir_core::connector::{ConnectorError, Sink, Source};
use weir_core::graph::Options;

pub(crate) fn source(_options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
    Err(missing())
}

pub(crate) fn sink(_options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
    Err(missing())
}

fn missing() -> ConnectorError {
    let message = "this weir was built without Kafka; build it with `--features kafka`".to_owned();
    ConnectorError::Option { message, span: None }
}
