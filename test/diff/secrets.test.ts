import { describe, expect, test } from "vitest";
import { redact, redactPair } from "../../src/diff/secrets.ts";

const b64 = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
const secrets: readonly [name: string, text: string, secret: string, path?: string][] = [
  ["WireGuard private key", `[Interface]\nPrivateKey = ${b64}\nListenPort = 51820\n`, b64],
  ["WireGuard key that begins with a slash", `PrivateKey = /${b64.slice(1)}`, b64.slice(1)],
  ["WireGuard preshared key", `PresharedKey=${b64}`, b64],
  ["wg set from a subshell", `wg set wg0 peer X preshared-key <(echo ${b64})`, b64],
  [
    "age key",
    "# public key: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kudzjyqqsarxnhq\nAGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQ",
    "AGE-SECRET-KEY-1QYQ",
  ],
  ["wpa_supplicant passphrase", 'network={\n  ssid="home"\n  psk="correct horse battery"\n}', "correct horse battery"],
  ["wpa_supplicant raw key", `  psk=${"0f1e2d3c".repeat(8)}`, "0f1e2d3c0f1e2d3c"],
  ["SAE password", 'sae_password="swordfish12"', "swordfish12"],
  ["iwd passphrase", "[Security]\nPassphrase=my long pass phrase", "long pass phrase"],
  ["hostapd passphrase", "wpa_passphrase=hunter2hunter2", "hunter2hunter2"],
  ["yescrypt", '"hashedPassword":"$y$j9T$AdminAdminAdmin$0123456789abcdef"', "AdminAdminAdmin"],
  ["sha512crypt in a line of shadow", "root:$6$rounds=5000$usesomesillystri$D4IrlXatmP7rx3P3InaxBeoomnAihCKRVQUAAAA:1::", "D4IrlXat"],
  ["bcrypt", "admin:$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "R9h/cIPz0gi"],
  [
    "private key",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\nAAAAEbm9uZQAA\n-----END OPENSSH PRIVATE KEY-----\n",
    "b3BlbnNzaC1rZXk",
  ],
  [
    "private key in JSON",
    '{"key":"-----BEGIN RSA PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3\\n-----END RSA PRIVATE KEY-----\\n"}',
    "MIIEpAIBAAKCAQEA",
  ],
  [
    "private key without an end",
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49\n",
    "MHcCAQEEII",
  ],
  ["netrc on one line", "machine cache.example.org login deploy password s3cr3t-netrc", "s3cr3t-netrc"],
  ["netrc on several lines", "machine cache.example.org\nlogin deploy\npassword s3cr3t-netrc\n", "s3cr3t-netrc", "/etc/nix/netrc"],
  [
    "access tokens of nix.conf",
    "access-tokens = github.com=ghp_000000000000000000000000000000000000 git.example.org=PAT:xyzzyxyzzy",
    "xyzzyxyzzy",
  ],
  ["bearer token", 'curl -H "Authorization: Bearer abcdef0123456789abcdef01"', "abcdef0123456789abcdef01"],
  ["URL with credentials", "DATABASE=postgres://app:tr0ub4dor@db.internal/app", "tr0ub4dor"],
  ["environment of a unit", 'Environment="GRAFANA_PASSWORD=hunter22"', "hunter22"],
  ["environment of a script", "export API_TOKEN=0a1b2c3d4e5f", "0a1b2c3d4e5f"],
  ["YAML", "clientSecret: 7c1f0b2e99", "7c1f0b2e99"],
  ["JSON", '{"api_key": "k-0011223344"}', "k-0011223344"],
  ["JSON in JSON", '"{\\"password\\":\\"hunter22\\"}"', "hunter22"],
  ["long option", "ExecStart=/bin/x --api-key abcdef123456 --port 80", "abcdef123456"],
  ["long option with =", "ExecStart=/bin/x --password=abcdef123456 --port 80", "abcdef123456"],
  ["redis", "requirepass foobared123\n", "foobared123"],
  ["systemd credential", "SetCredential=root-password:hunter22", "hunter22"],
  ["signing key of a cache", `cache.example.org-1:${"Ab1+".repeat(21)}Ab==`, "Ab1+Ab1+"],
  ["GitHub token", "x ghp_0123456789abcdef0123456789abcdef0123 y", "ghp_0123456789"],
  ["Slack token", "hook xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx", "AbCdEfGhIjKl"],
  ["a text that asks the scanner to look away", "# secretlint-disable\nghp_0123456789abcdef0123456789abcdef0123\n", "ghp_0123456789"],
];

describe("what is taken out", () => {
  test.each(secrets)("%s", (_name, text, secret, path) => {
    const result = redact(text, path === undefined ? {} : { path });
    expect(result.text).not.toContain(secret);
    expect(result.text).toContain("<redacted");
    expect(result.count).toBeGreaterThan(0);
  });

  test("what stands around it stays", () => {
    expect(redact(`[Interface]\nPrivateKey = ${b64}\nListenPort = 51820\n`).text).toBe(
      "[Interface]\nPrivateKey = <redacted 1>\nListenPort = 51820\n",
    );
    expect(redact("access-tokens = github.com=abcdef git.example.org=ghijkl\ncores = 4").text).toBe(
      "access-tokens = github.com=<redacted 1> git.example.org=<redacted 2>\ncores = 4",
    );
    expect(redact("ExecStart=/bin/x --password=abcdef123456 --port 80").text).toBe("ExecStart=/bin/x --password=<redacted 1> --port 80");
  });
});

const harmless: readonly string[] = [
  "ExecStart=/nix/store/0c1p5z4q3x2w1v0ynmlkjihgfdsb9a87-nginx-1.29.3/bin/nginx -c /nix/store/1c1p5z4q3x2w1v0ynmlkjihgfdsb9a87-nginx.conf",
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAdminAdminAdminAdminAdminAdminAdminAdminAd02 admin@laptop",
  "trusted-public-keys = cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
  `[WireGuardPeer]\nPublicKey = ${b64}`,
  `wg set wg0 peer ${b64} allowed-ips 10.0.0.1/32`,
  "narHash = sha256-4Kq1tE0jvL8dRAHwV1dLxDhAWTNUc2lgLTjWLPPqYhY=",
  "/dev/disk/by-uuid/5d0a1f4e-4c1b-4d3e-9a57-0d4c1b4d3e9a / ext4 defaults 0 1",
  "curl https://hc-ping.com/5d0a1f4e-4c1b-4d3e-9a57-0d4c1b4d3e9a",
  "PasswordAuthentication no\nPermitRootLogin prohibit-password\nKbdInteractiveAuthentication no",
  "passwd:    files systemd\ngroup:     files [success=merge] systemd\nshadow:    files systemd",
  "%wheel  ALL=(ALL:ALL)    NOPASSWD:SETENV: ALL\nadmin ALL=(ALL) NOPASSWD: ALL",
  "auth sufficient /x/pam_unix.so likeauth try_first_pass\npassword sufficient /x/pam_unix.so nullok yescrypt",
  "hashedPasswordFile = /run/secrets/admin\npassword: /run/secrets/db\nTOKEN_FILE=/run/secrets/token",
  'PASSWORD=$(cat /run/secrets/db)\nexport TOKEN="$CREDENTIALS_DIRECTORY/token"\nSECRET=${SECRET}',
  "psk=ext:psk_home",
  "password: ENC[AES256_GCM,data:abc,iv:def,tag:ghi,type:str]",
  '{"users":[{"name":"root","password":null,"initialPassword":null,"hashedPassword":null,"hashedPasswordFile":null}]}',
  "Description=Basic System\nDescription=Bearer of news",
  "-----BEGIN CERTIFICATE-----\nMIIFazCCA1OgAwIBAgIRAIIQz7DSQONZRGPgu2OCiwAwDQYJKoZIhvcNAQELBQAw\n-----END CERTIFICATE-----",
  "max_tokens = 4096\nsecret-key-files = /etc/nix/key\nPASS_MAX_DAYS 99999\nproxy_pass http://127.0.0.1:3000;",
  "net.ipv4.tcp_fastopen=3\nkernel.core_pattern=core",
  "rev 50a96edd8d0db6cc8db57dab6bb6d6ee1f3dc49a",
];
test.each(harmless)("no secret: %s", (text) => {
  expect(redact(text)).toEqual({ text, count: 0 });
});

test("the fact of a change stays visible, and a value keeps its number", () => {
  expect(redactPair("TOKEN=aaaaaaaa\n", "TOKEN=bbbbbbbb\n")).toEqual({
    from: "TOKEN=<redacted 1>\n",
    to: "TOKEN=<redacted 2>\n",
    redacted: true,
  });
  expect(redactPair("TOKEN=aaaaaaaa\n", "X=1\nTOKEN=aaaaaaaa\n")).toEqual({
    from: "TOKEN=<redacted 1>\n",
    to: "X=1\nTOKEN=<redacted 1>\n",
    redacted: true,
  });
});

// Two million characters each: a pattern whose cost grows with the square would need hours, and the runner would end the test.
const hostile = [
  "a",
  "://",
  "://a:",
  "eyJ",
  "eyJa.",
  "password=",
  'password="',
  "-----BEGIN PRIVATE KEY-----",
  "$y$",
  "$6$rounds=1$",
  "login a ",
  "ghp_",
  "AKIA",
  "sk-",
  "xoxb-",
  "postgres://a:",
  "authorization: bearer ",
  "--a-",
  "preshared-key <(echo ",
  " ",
  "\n",
  "access-tokens = a=",
  "AGE-SECRET-KEY-1",
  "{SHA}A",
  "-----BEGIN ",
  "https://hooks.slack.com/",
  "glpat-",
  "_authToken=",
  '\\"',
];
test.each(hostile)("a text of nothing but %j ends", { timeout: 60_000 }, (piece) => {
  const text = piece.repeat(Math.ceil(2_000_000 / piece.length));
  expect(redact(text).text.length).toBeGreaterThan(0);
});
