//! What the end-to-end tests share. Never linked into anything that ships.
//!
//! | module | holds |
//! |---|---|
//! | [`chaos`] | kills the real command and compares its output |
//! | [`flink_files`] | Flink and Weir's jar for it |
//! | [`golden`] | the known results of Nexmark's queries |
//! | [`kafka_broker`] | a real Kafka broker for tests |
//! | [`kafka_counts`] | a pipeline from Kafka to Kafka, for other engines |
//! | [`kafka_orders`] | runs the example of that name on a broker |
//! | [`kafka_topic`] | fills topics and reads them |
//! | [`maven`] | fetches jars, and knows the folder of the build |
//! | [`needed`] | programs that a machine may lack |
//! | [`pipelines`] | pipelines that write files, and their rows |
//! | [`program`] | how the programs of this crate end |
//! | [`rows`] | compares rows |
//! | [`running`] | the real command beside a test |
//! | [`soak`] | runs the real server for a long time under a load that must not make it grow |
//! | [`spark_files`] | Spark for Python |
//! | [`three_engines`] | runs the example of that name on Weir, Flink and Spark |
//! | [`vectors`] | replays cases of other engines' test suites through the real operators |

pub mod chaos;
pub mod flink_files;
pub mod golden;
pub mod kafka_broker;
pub mod kafka_counts;
pub mod kafka_orders;
pub mod kafka_topic;
pub mod maven;
pub mod needed;
pub mod pipelines;
pub mod program;
pub mod rows;
pub mod running;
pub mod soak;
pub mod spark_files;
pub mod three_engines;
pub mod vectors;
