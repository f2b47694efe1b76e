use super::*;
use proptest::prelude::*;
use serde_json::json;

fn masked(value: Value) -> Value {
    let object = intake(value, None).expect("named");
    serde_json::from_str(&object.json).expect("JSON")
}

#[test]
fn hosts_and_ports_survive() {
    for (from, to) in [
        ("amqp://u:hunter2@rabbit:5672", "amqp://u:<redacted>@rabbit:5672"),
        ("postgres://u:p/a@ss@db.shop:5432/x", "postgres://u:<redacted>@db.shop:5432/x"),
        ("redis://:hunter2@redis:6379/0", "redis://:<redacted>@redis:6379/0"),
        ("app:hunter2@tcp(mysql:3306)/shop", "app:<redacted>@tcp(mysql:3306)/shop"),
        ("host=db port=5432 password=hunter2 dbname=x", "host=db port=5432 password=<redacted> dbname=x"),
        ("Server=sql,1433;Pwd=hunter2;Encrypt=true", "Server=sql,1433;Pwd=<redacted>;Encrypt=true"),
        ("jdbc:mysql://db:3306/x?user=a&password=hunter2&ssl=1", "jdbc:mysql://db:3306/x?user=a&password=<redacted>&ssl=1"),
        ("redis:6379,password=hunter2,ssl=True", "redis:6379,password=<redacted>,ssl=True"),
        (r#"{"password":"hunter2","host":"db"}"#, r#"{"password":"<redacted>","host":"db"}"#),
        ("db:\n  password: hunter2\n  host: db", "db:\n  password: <redacted>\n  host: db"),
        ("curl --token abc123 http://a:80", "curl --token <redacted> http://a:80"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer <redacted>"),
        ("https://ghp_0123456789abcdefghij@github.com/x", "https://<redacted>@github.com/x"),
        ("x eyJhbGciOi.eyJzdWIi.c2ln y", "x <redacted> y"),
    ] {
        assert_eq!(text(from), to);
        assert_eq!(text(to), to, "twice");
    }
}

#[test]
fn harmless_text_is_left_alone() {
    for same in [
        "http://cart:8080/items@v1",
        "mongodb://a:27017,b:27017/db",
        "password=$(DB_PASSWORD)",
        "password: ${DB_PASSWORD}",
        "secretName: tls",
        "unknown token: unexpected end",
        "registry.shop/app@sha256:0123",
        "bearer authentication",
        "spiffe://cluster.local/ns/shop/sa/cart",
    ] {
        assert!(matches!(text(same), Cow::Borrowed(_)), "{same} became {}", text(same));
    }
}

#[test]
fn copies_and_schemas_are_dropped() {
    let crd = json!({"kind": "CustomResourceDefinition", "metadata": {"name": "x", "managedFields": [1],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "keep": "me"}},
        "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {}}}]}});
    assert_eq!(
        masked(crd),
        json!({"kind": "CustomResourceDefinition", "metadata": {"name": "x",
        "annotations": {"keep": "me"}}, "spec": {"versions": [{"name": "v1"}]}})
    );
}

#[test]
fn public_certificates_survive_in_secrets() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let base64 = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";
    let secret = json!({"kind": "Secret", "metadata": {"name": "x"}, "stringData": {"ca.crt": pem,
        "both": format!("{pem}-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----")},
        "data": {"tls.crt": base64, "tls.key": "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"}});
    assert_eq!(
        masked(secret),
        json!({"kind": "Secret", "metadata": {"name": "x"},
        "stringData": {"ca.crt": pem, "both": MARKER}, "data": {"tls.crt": base64, "tls.key": MARKER}})
    );
}

#[test]
fn a_list_item_without_kind_is_told_by_its_shape() {
    let secret = json!({"metadata": {"name": "x"}, "type": "Opaque", "data": {"a": "aHVudGVyMg=="}});
    assert_eq!(masked(secret)["data"]["a"], MARKER);
    let config = json!({"metadata": {"name": "x"}, "data": {"CART_ADDR": "cart:80", "DB_PASSWORD": "x"}});
    assert_eq!(masked(config)["data"], json!({"CART_ADDR": "cart:80", "DB_PASSWORD": MARKER}));
}

#[test]
fn env_names_decide_unless_the_value_only_points() {
    let pod = |env: Value| json!({"metadata": {"name": "x"}, "spec": {"containers": [{"env": [env]}]}});
    for (name, value, after) in [
        ("DB_PASSWORD", "hunter2", MARKER),
        ("API_KEY", "k", MARKER),
        ("TOKEN_FILE", "/etc/token", "/etc/token"),
        ("TOKEN_SERVICE", "http://tokens:8080", "http://tokens:8080"),
        ("TOKEN_SERVICE", "tokens.shop:8080", "tokens.shop:8080"),
        ("WEBHOOK_TOKEN", "https://hooks.shop/T0/B0", "https://hooks.shop/<redacted>"),
        ("SECRET_URL", "http://u:hunter2@vault:8200", "http://u:<redacted>@vault:8200"),
        ("DB_PASSWORD", "$(OTHER)", "$(OTHER)"),
    ] {
        let after_first = masked(pod(json!({"name": name, "value": value})));
        assert_eq!(after_first["spec"]["containers"][0]["env"][0]["value"], after, "{name}");
        assert_eq!(masked(after_first.clone()), after_first, "{name} twice");
    }
}

/// Every place where a secret is known to be put; `{}` is the secret.
fn places(secret: &str) -> Vec<Value> {
    let pod = |container: Value| json!({"kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [container]}});
    let env = |name: &str, value: String| pod(json!({"env": [{"name": name, "value": value}]}));
    let config = |key: &str, value: String| json!({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {key: value}});
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{secret}\n-----END RSA PRIVATE KEY-----");
    vec![
        json!({"kind": "Secret", "metadata": {"name": "x"}, "data": {"k": secret}, "stringData": {"l": secret}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "x"}, "binaryData": {"k": secret}}),
        json!({"metadata": {"name": "x", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": secret}}}),
        json!({"metadata": {"name": "x", "managedFields": [{"manager": secret}]}}),
        json!({"metadata": {"name": "x", "annotations": {"note": format!("see\n{key}\nthere")}}}),
        json!({"metadata": {"name": "x"}, "spec": {"url": format!("amqp://user:{secret}@rabbit:5672/")}}),
        json!({"metadata": {"name": "x"}, "spec": {"clientSecret": secret, "deep": [{"password": secret}]}}),
        env("DB_PASSWORD", secret.to_owned()),
        env("STRIPE_API_KEY", secret.to_owned()),
        env("MY_CREDENTIALS", secret.to_owned()),
        env("DSN", format!("host=db user=a password={secret} sslmode=off")),
        env("DSN", format!("Server=db;Password={secret};Encrypt=no")),
        env("HEADERS", format!("Authorization: Bearer eyJ0.{secret}.sig")),
        env("JWT", format!("eyJhbGci.{secret}.{secret}")),
        config("redis-password", secret.to_owned()),
        config("app.properties", format!("a=b\nspring.datasource.password={secret}\nc=d")),
        config("app.yaml", format!("db:\n  password: \"{secret}\"\n  host: db\n")),
        config("tls.key", key),
        pod(json!({"args": [format!("--token={secret}"), "--v=2"]})),
        pod(json!({"args": ["--password", secret, "--v=2"]})),
        pod(json!({"command": ["sh", "-c", format!("run --api-key {secret} --x")]})),
        pod(json!({"httpHeaders": [{"name": "Authorization", "value": secret}]})),
    ]
}

proptest! {
    #[test]
    fn a_planted_secret_never_comes_out(secret in "[A-Za-z0-9][A-Za-z0-9_]{14,40}[0-9]x9") {
        for place in places(&secret) {
            let object = intake(place.clone(), None).expect("named");
            prop_assert!(!object.json.contains(&secret), "{place} became {}", object.json);
            prop_assert_eq!(&sent(&place.to_string(), None).expect("named"), &object);
            let again = intake(serde_json::from_str(&object.json).expect("JSON"), None).expect("named");
            prop_assert_eq!(&object.json, &again.json);
        }
    }

    #[test]
    fn masking_twice_is_masking_once(text in "(password|token|eyJ|Bearer|-----BEGIN |PRIVATE KEY-----|LS0tLS1CRUdJTi|[a-z0-9:/@=. \"'\\\\,;<>{}$()-]|--|\\PC){0,40}") {
        let once = super::text(&text).into_owned();
        prop_assert_eq!(super::text(&once), once.as_str());
    }
}
