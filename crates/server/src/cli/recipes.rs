//! Lines to copy for connecting products, with this installation's own paths and addresses.

use std::path::Path;

/// The recipes, for people. `kmip` is `HOST:PORT`.
pub fn recipes(kmip: &str, client: &Path) -> String {
    let dir = std::path::absolute(client).unwrap_or_else(|_| client.to_owned());
    let dir = dir.display();
    // A product on this machine reaches a server that listens everywhere on the loopback.
    let (host, port) = kmip.rsplit_once(':').unwrap_or((kmip, "5696"));
    let host = match host.trim_start_matches('[').trim_end_matches(']') {
        "0.0.0.0" | "::" => "127.0.0.1",
        host => host,
    };
    format!(
        r#"Connect something (the lines can be pasted as they are):

PyKMIP (pip install PyKMIP==0.11.0, in a virtual environment)
  python3 -c "if True:
  from kmip import enums
  from kmip.pie.client import ProxyKmipClient
  bundle = '{dir}'
  with ProxyKmipClient(
          hostname='{host}', port={port},
          ca=bundle + '/ca.pem', cert=bundle + '/cert.pem',
          key=bundle + '/key.pem', ssl_version='PROTOCOL_TLSv1_2') as c:
      aes = enums.CryptographicAlgorithm.AES
      print(c.create(aes, 256, name='from-pykmip'))"

pymongocrypt and every MongoDB driver (client-side field level encryption)
  (umask 077; cat > client.pem \
    {dir}/cert.pem \
    {dir}/key.pem)
  kms_providers = {{"kmip": {{"endpoint": "{host}:{port}"}}}}
  kms_tls_options = {{"kmip": {{
      "tlsCAFile": "{dir}/ca.pem",
      "tlsCertificateKeyFile": "client.pem"}}}}

MySQL, Percona Server (component_keyring_kmip.cnf in the plugin directory)
  {{"server_addr": "{host}", "server_port": "{port}",
   "object_group": "mysql",
   "client_ca": "{dir}/cert.pem",
   "client_key": "{dir}/key.pem",
   "server_ca": "{dir}/ca.pem"}}
MySQL Enterprise (keyring_okv): in the directory keyring_okv_conf_dir
  mkdir -p okv/ssl
  cp {dir}/ca.pem \
    okv/ssl/CA.pem
  cp {dir}/cert.pem \
    {dir}/key.pem okv/ssl/
  printf 'SERVER=%s\nSTANDBY_SERVER=%s\n' \
    {host}:{port} {host}:{port} > okv/okvclient.ora

MongoDB Enterprise, Percona Server for MongoDB (encryption at rest)
  # client.pem as above
  mongod --enableEncryption --kmipServerName {host} --kmipPort {port} \
    --kmipServerCAFile {dir}/ca.pem \
    --kmipClientCertificateFile client.pem

vSphere (vCenter > Configure > Key Providers > Add Standard Key Provider)
  Address {host}, port {port}
  (a name or address by which vCenter reaches it: --san);
  Establish Trust > Make vCenter trust KMS: upload
  {dir}/ca.pem;
  Make KMS trust vCenter > KMS certificate and private key: upload
  {dir}/cert.pem and
  {dir}/key.pem.
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_has_this_installations_address_and_paths() {
        let text = recipes("0.0.0.0:5697", Path::new("/x/client"));
        for product in ["PyKMIP", "pymongocrypt", "MySQL", "MongoDB", "vSphere"] {
            assert!(text.contains(product));
        }
        assert!(text.contains("127.0.0.1") && !text.contains("0.0.0.0"));
        assert!(text.matches("5697").count() >= 5);
        assert!(text.contains("/x/client/ca.pem"));
    }

    #[test]
    fn lines_with_a_path_of_usual_length_fit_in_80_columns() {
        let text = recipes("192.168.100.100:65535", Path::new(&"/home/o/".repeat(6)));
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
