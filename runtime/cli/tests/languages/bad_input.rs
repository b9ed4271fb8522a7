//! Mistakes in operators, in each language: each message names the mistake in the terms of that language, with its file and line.

use std::path::Path;

use super::{Language, run, run_ok, text, weir};

/// A pipeline in which a keyed operator stands where an aggregate should.
const WINDOW: &str = "\
[sources.rows]
connector = \"collection\"
event-time = \"departed\"
schema = { dep_delay = \"int64\", departed = \"timestamp\" }
rows = []

[windows.hours]
input = \"rows\"
key-by = []
window = { tumbling = \"1h\" }
aggregates.median = { component = \"failing.wasm\", columns = [\"dep_delay\"] }

[sinks.out]
input = \"hours\"
connector = \"console\"
";

/// What goes wrong in the templates of a language.
pub(crate) struct Mistakes {
    /// The source of the operator, in a project.
    source: &'static str,
    /// In the keyed template: lines, and what stands in their place so that the operator fails: at a timer if `minutes` is 311, at a row if it is
    /// 322, and as it describes itself if it is 333. These numbers are on the lines that fail.
    failures: &'static [[&'static str; 2]],
    /// In the template of a transform: a text, what stands in its place, and what `weir build` says.
    builds: &'static [[&'static str; 3]],
}

pub(crate) const RUST: Mistakes = Mistakes {
    source: "src/lib.rs",
    failures: &[
        ["    minutes: i64,", "    #[serde(deserialize_with = \"minutes\")]\n    minutes: i64,"],
        [
            "export!(Jumps);",
            "fn minutes<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
                 let minutes = <i64 as serde::Deserialize>::deserialize(from)?;
                 assert!(minutes != 333);
                 Ok(minutes)
             }
             export!(Jumps);",
        ],
        ["        *of.state = None;", "        assert!(self.minutes != 311);\n        *of.state = None;"],
        ["        let silent_at = ", "        assert!(self.minutes != 322);\n        let silent_at = "],
    ],
    builds: &[
        [
            "    dep_delay: Option<i64>,\n}\n\n/// The",
            "    dep_delay: std::time::Duration,\n}\n\n/// The",
            "`Duration` is not a row of columns",
        ],
        [
            "export!(Classify);",
            "unsafe extern \"C\" {
                 fn clock() -> i64;
             }
             #[unsafe(no_mangle)]
             extern \"C\" fn now() -> i64 {
                 unsafe { clock() }
             }
             export!(Classify);",
            "imports clock of env, which operators are not given: it is called by now",
        ],
    ],
};

pub(crate) const PYTHON: Mistakes = Mistakes {
    source: "main.py",
    failures: &[
        [
            "    silence_minutes: int\n",
            "    silence_minutes: int\n\n    def __post_init__(self) -> None:\n        1 // (self.minutes - 333)\n",
        ],
        ["        of.state = None\n", "        1 // (self.minutes - 311)\n        of.state = None\n"],
        ["        silent_at = ", "        1 // (self.minutes - 322)\n        silent_at = "],
    ],
    builds: &[
        ["dep_delay: int | None", "dep_delay: complex | None", "Flight.dep_delay: no column has the type complex"],
        ["import weir\n", "import weir\n\nMINUTES = 60 / 0\n", "main.py:5: ZeroDivisionError: division by zero"],
    ],
};

pub(crate) const JAVASCRIPT: Mistakes = Mistakes { source: "operator.js", ..TYPESCRIPT };

pub(crate) const TYPESCRIPT: Mistakes = Mistakes {
    source: "operator.ts",
    failures: &[
        [
            "  config: { minutes: 'int64', silenceMinutes: 'int64' },",
            "  config: { minutes: 'int64', silenceMinutes: 'int64' },\n  validate({ minutes }) {\n    if (minutes === 333) null.x;\n  },",
        ],
        ["    ctx.state = null;", "    if (ctx.config.minutes === 311) null.x;\n    ctx.state = null;"],
        ["    const silentAt = ", "    if (config.minutes === 322) null.x;\n    const silentAt = "],
    ],
    builds: &[
        ["reads: { dep_delay: 'int64?' }", "reads: { dep_delay: 'int65?' }", "reads: dep_delay: \"int65?\" is no type"],
        ["export default", "const started = Date.now();\nexport default", ":5: an operator has no clock"],
        ["export default", "const minutes = null.minutes;\nexport default", ":5: TypeError: "],
    ],
};

pub(crate) const GO: Mistakes = Mistakes {
    source: "main.go",
    failures: &[
        [
            "func main() {}",
            "func (j *Jumps) Validate() error {\n\t_ = 1 / (j.Minutes - 333)\n\treturn nil\n}\n\nfunc main() {}",
        ],
        ["\tof.State = weir.Opt[Last]{}", "\t_ = 1 / (j.Minutes - 311)\n\tof.State = weir.Opt[Last]{}"],
        ["\tsilentAt := ", "\t_ = 1 / (j.Minutes - 322)\n\tsilentAt := "],
    ],
    builds: &[
        [
            "\tDepDelay weir.Opt[int64]",
            "\tDepDelay weir.Opt[int64]\n\tOther chan int",
            "no pipeline can use this operator as it is: ",
        ],
        ["DepDelay weir.Opt[int64]", "DepDelay int65", "./main.go:"],
    ],
};

pub(crate) const C: Mistakes = Mistakes {
    source: "src/operator.c",
    failures: &[
        [
            "static const weir_operator jumps = {",
            "static weir_status check(weir_call *call, const void *config) {
    (void)call;
    return 5 / (((const settings *)config)->minutes - 333) > 10 ? WEIR_REFUSED : WEIR_OK;
}
static const weir_operator jumps = {\n    .check = check,",
        ],
        [
            "    (void)timer;",
            "    (void)timer;\n    if (5 / (((const settings *)call->config)->minutes - 311) > 10) return WEIR_REFUSED;",
        ],
        [
            "    const last *before = ",
            "    if (5 / (config->minutes - 322) > 10) return WEIR_REFUSED;\n    const last *before = ",
        ],
    ],
    builds: &[
        [
            "    int64_t dep_delay;",
            "    long double dep_delay;",
            "member dep_delay of struct flight: it is of a type that no column has",
        ],
        [
            "    if (!flight->has_dep_delay)",
            "    long long time(long long *);\n    if (time(0) == 0) return WEIR_OK;\n    if (!flight->has_dep_delay)",
            "which operators are not given",
        ],
    ],
};

pub(crate) const CPP: Mistakes = Mistakes {
    source: "src/operator.cpp",
    failures: &[
        [
            "    using State = Last;",
            "    using State = Last;\n    weir::Result check(weir::Call<Jumps> &call) const {
        return 5 / (minutes - 333) > 10 ? call.refuse(\"no\") : weir::ok;\n    }",
        ],
        [
            "        call.clear_state();",
            "        if (5 / (minutes - 311) > 10) return call.refuse(\"no\");\n        call.clear_state();",
        ],
        [
            "        auto before = call.state();",
            "        if (5 / (minutes - 322) > 10) return call.refuse(\"no\");\n        auto before = call.state();",
        ],
    ],
    builds: &[
        [
            "    std::optional<std::int64_t> dep_delay;",
            "    std::optional<long double> dep_delay;",
            "mistaken-0/src/operator.cpp",
        ],
        [
            "        if (!flight.dep_delay)",
            "        if (std::fopen(\"flights\", \"r\")) return weir::ok;\n        if (!flight.dep_delay)",
            "which operators are not given",
        ],
    ],
};

pub(crate) const ZIG: Mistakes = Mistakes {
    source: "src/main.zig",
    failures: &[
        [
            "    silence_minutes: u32,\n",
            "    silence_minutes: u32,\n\n    pub fn validate(self: *const Jumps) !void {\n        if (@divTrunc(5, @as(i64, self.minutes) - 333) > 10) return weir.refuse(\"no\", .{});\n    }\n",
        ],
        ["    pub fn onTimer(_:", "    pub fn onTimer(self:"],
        [
            "        of.state = null;",
            "        if (@divTrunc(5, @as(i64, self.minutes) - 311) > 10) return weir.refuse(\"no\", .{});\n        of.state = null;",
        ],
        [
            "        const before = of.state;",
            "        if (@divTrunc(5, @as(i64, self.minutes) - 322) > 10) return weir.refuse(\"no\", .{});\n        const before = of.state;",
        ],
    ],
    builds: &[
        ["    dep_delay: ?i64,", "    dep_delay: ?i65,", "is no type of a column"],
        [
            "try out.emit(",
            "if (@import(\"std\").time.milliTimestamp() == 0) return;\n        try out.emit(",
            "main.zig",
        ],
    ],
};

impl Language {
    /// Everything that an author may get wrong; `folder` has the components of the templates.
    pub(crate) fn bad_input(&self, folder: &Path) {
        self.failures_name_their_lines(folder);
        self.builds_that_fail_say_why(folder);
    }

    /// An operator that fails says where, in its author's file, whatever it was asked.
    fn failures_name_their_lines(&self, folder: &Path) {
        let source = self.mistaken(folder, "failing", "keyed", self.mistakes.failures);
        run_ok(&mut weir(&["build", "failing"]), folder);
        let place = |number: &str| {
            let line = source.lines().position(|line| line.contains(number)).unwrap();
            format!("{}:{}", self.mistakes.source, line + 1)
        };
        let said = |minutes: &str, set: &[&str]| {
            let config = format!("operators.jumps.config.minutes={minutes}");
            let set: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
            let output = run(weir(&["run", "failing/pipeline.toml", "--set", &config]).args(set), folder);
            text(&output)
        };
        for (minutes, what) in [
            ("333", "the operator refuses this pipeline"),
            ("322", "row {carrier: UA, dep_delay: 0"),
            ("311", "the timer at 2013-01-01T09:00:00Z could not be processed"),
        ] {
            let (said, place) = (said(minutes, &[]), place(minutes));
            assert!(said.contains(&place) && said.contains(what), "{place}: {said}");
        }
        std::fs::write(folder.join("failing/window.toml"), WINDOW).unwrap();
        let said = text(&run(&mut weir(&["check", "failing/window.toml"]), folder));
        assert!(
            said.contains("window.toml:11") && said.contains("is not an aggregate; use it under [operators]"),
            "{said}"
        );
    }

    fn builds_that_fail_say_why(&self, folder: &Path) {
        for (number, [line, mistake, says]) in self.mistakes.builds.iter().enumerate() {
            let name = format!("mistaken-{number}");
            self.mistaken(folder, &name, "transform", &[[line, mistake]]);
            let said = text(&run(&mut weir(&["build", &name]), folder));
            assert!(said.contains(says) && !said.contains("Traceback"), "{says}: {said}");
        }
    }

    /// A project with mistakes; its source.
    fn mistaken(&self, folder: &Path, name: &str, template: &str, mistakes: &[[&str; 2]]) -> String {
        run_ok(&mut weir(&["new", name, "--lang", self.name, "--template", template]), folder);
        let path = folder.join(name).join(self.mistakes.source);
        let mut source = std::fs::read_to_string(&path).unwrap();
        for [line, mistake] in mistakes {
            assert_eq!(source.matches(line).count(), 1, "{line}");
            source = source.replace(line, mistake);
        }
        std::fs::write(&path, &source).unwrap();
        source
    }
}

/// Python and Node that are too old for their tools, and no cargo at all.
#[test]
fn an_interpreter_that_is_too_old_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str, says: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho {says}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let (python, node, nowhere) = (program("old-python", "3 8"), program("old-node", "v12.0.1"), "/nowhere".to_owned());
    for (language, variable, value, says) in [
        ("python", "WEIR_PYTHON", &python, format!("Python 3.10 or newer: {python} is Python 3.8")),
        ("javascript", "WEIR_NODE", &node, format!("Node 20 or newer: {node} is v12.0.1")),
        ("typescript", "WEIR_NODE", &node, format!("Node 20 or newer: {node} is v12.0.1")),
        ("rust", "PATH", &nowhere, "https://rustup.rs".to_owned()),
    ] {
        run_ok(&mut weir(&["new", language, "--lang", language]), folder.path());
        let output = run(weir(&["build", language]).env(variable, value), folder.path());
        assert!(!output.status.success() && text(&output).contains(&says), "{says}: {}", text(&output));
    }
    // The compilers of the others come with pip.
    for language in ["go", "zig", "c", "cpp"] {
        let mut install = weir(&["toolchain", "install", language]);
        install.env("WEIR_PYTHON", &python).env("WEIR_TOOLCHAIN_DIR", folder.path());
        let output = install.current_dir(folder.path()).output().unwrap();
        assert!(!output.status.success() && text(&output).contains("is Python 3.8"), "{language}: {}", text(&output));
    }
}
