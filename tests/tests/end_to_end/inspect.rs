//! `weir inspect` and the configuration of a component.

use crate::harness::{root, weir};

fn inspect(args: &[&str]) -> (Option<i32>, String, String) {
    let component = root().join("tests/guests/count_v1.wasm");
    let output = weir().arg("inspect").arg(component).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_configuration_that_is_refused_is_an_error() {
    let input = ["--input", "key:utf8,value:int64", "--key-by", "key"];
    for more in [&[][..], &input] {
        let (code, _, said) = inspect(&[&["--config", "{\"tga\": \"1\"}"], more].concat());
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("the component refuses --config: unknown field `tga`"), "{said}");
        assert!(said.contains("; its keys are tag"), "{said}");
    }
    let (code, _, said) = inspect(&["--config", "{"]);
    assert!(code == Some(1) && said.contains("--config is not JSON"), "{said}");
}

#[test]
fn a_configuration_that_is_needed_is_asked_for_by_its_option() {
    let (code, told, said) = inspect(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(told.contains("give one with --config JSON"), "{told}");
    let (code, _, said) = inspect(&["--input", "key:utf8,value:int64", "--key-by", "key"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("the component needs a configuration (missing field `tag`): give one with --config JSON"),
        "{said}"
    );
}

#[test]
fn a_component_that_takes_rows_back_is_said_to() {
    for (component, takes_back) in [("net_total", true), ("total", false)] {
        let component = root().join(format!("tests/guests/{component}.wasm"));
        let told = |args: &[&str]| {
            let output = weir().arg("inspect").arg(&component).args(["--config", "{\"times\": 1}"]).args(args).output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        };
        assert_eq!(told(&[]).contains("world     aggregate-operator, takes rows back\n"), takes_back);
        assert!(told(&["--json"]).contains(&format!("\"retracts\": {takes_back}")));
    }
}
