//! The visible proof: what an application does with a key manager, done as a client over mutual
//! TLS, and what the audit has to say about it.
//!
//! Envelope encryption as every database does it: a data key made here encrypts the file here; a
//! key-encryption key that never leaves the server wraps the data key. Only the wrapped data key
//! is kept beside the encrypted file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strongroom_client::{CipherParameters, Ciphertext, Config, Connection, Pem};
use strongroom_crypto::seal;
use strongroom_kmip::CryptographicUsageMask as Usage;
use strongroom_secmem::SecretBytes;

use super::Reach;
use super::audit::{records, verdict_text};
use super::client::{Client, encode};
use super::output::say;
use crate::admin::types::{AuditPage, AuditRecord, AuditVerdict};
use crate::errors::{self, Fault};
use crate::pki::{hex, private_dir};

/// The name of the key-encryption key.
const KEK: &str = "quickstart-kek";

/// Plain bytes sealed at a time.
const CHUNK: usize = 64 << 10;

/// What is kept beside an encrypted file.
#[derive(Serialize, Deserialize)]
struct Envelope {
    kek: String,
    iv: String,
    tag: String,
    wrapped_data_key: String,
}

/// What a proof needs to know.
pub struct Proof<'a> {
    /// Where KMIP is served.
    pub kmip: String,
    /// Where administration is served.
    pub admin: String,
    /// The bundles by role.
    pub bundles: &'a Path,
    /// Where the encrypted file goes.
    pub dir: &'a Path,
    /// The file, or a built-in text if there is none.
    pub file: Option<PathBuf>,
}

impl Proof<'_> {
    /// Does it and says what it does.
    ///
    /// # Errors
    /// [`errors::PROOF_FAILED`] with the step that failed.
    pub fn run(&self) -> Result<(), Fault> {
        let begun = jiff::Timestamp::now().as_millisecond();
        private_dir(self.dir)?;
        let original = self.original()?;
        let name = original
            .file_name()
            .map_or_else(|| "file".into(), |n| n.to_string_lossy().into_owned());
        let sealed = self.dir.join(format!("{name}.sealed"));
        let envelope = self.dir.join(format!("{name}.key.json"));
        let mut expected = Vec::new();
        let mut client = self.connect()?;
        say(&format!("  as \"client\" over mutual TLS to {}:\n", self.kmip));

        let known = client.locate_by_name(KEK).map_err(failed("Locate"))?;
        expected.push("Locate");
        let kek = match known.into_iter().next() {
            Some(id) => {
                step("key-encryption key of an earlier run found", &id);
                id
            }
            None => {
                let usage = Usage::ENCRYPT.0 | Usage::DECRYPT.0;
                let id =
                    client.create_symmetric_key(256, usage, Some(KEK)).map_err(failed("Create"))?;
                client.activate(&id).map_err(failed("Activate"))?;
                expected.extend(["Create", "Activate"]);
                step("key-encryption key created (AES-256)", &id);
                id
            }
        };
        if sealed.exists() && envelope.exists() {
            let data_key = unwrap(&mut client, &envelope)?;
            expected.push("Decrypt");
            open_file(&data_key, &name, &sealed, None)?;
            step("what an earlier run encrypted still opens", &sealed.display().to_string());
        }

        let data_key =
            SecretBytes::try_build(32, |out| strongroom_crypto::random(out).map(|()| 32))
                .map_err(failed("making a data key"))?;
        wrap(&mut client, &kek, &data_key, &envelope)?;
        expected.push("Encrypt");
        step("data key wrapped by it on the server", &envelope.display().to_string());
        let bytes = seal_file(&data_key, &name, &original, &sealed)?;
        drop(data_key);
        step(
            &format!("{} encrypted ({bytes} bytes)", original.display()),
            &sealed.display().to_string(),
        );

        let data_key = unwrap(&mut client, &envelope)?;
        expected.push("Decrypt");
        open_file(&data_key, &name, &sealed, Some(&original))?;
        step("data key unwrapped, file decrypted", "identical to the original");
        drop(client);

        self.audit(begun, &expected)
    }

    fn connect(&self) -> Result<Connection, Fault> {
        let file = |name: &str| Pem::file(self.bundles.join("client").join(name));
        let config =
            Config::new([self.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
        Connection::open(&config).map_err(failed("connecting"))
    }

    /// The file to encrypt. Without one, the product's own description stands in.
    fn original(&self) -> Result<PathBuf, Fault> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        let readme = PathBuf::from("README.md");
        if readme.is_file() {
            return Ok(readme);
        }
        let text = self.dir.join("hello.txt");
        if !text.exists() {
            std::fs::write(&text, "A file to protect. Give your own with --file PATH.\n")
                .map_err(failed("writing a file"))?;
        }
        Ok(text)
    }

    /// Shows the records of exactly these uses, and checks the chains.
    fn audit(&self, begun: i64, expected: &[&str]) -> Result<(), Fault> {
        let reach = Reach {
            bundle: Some(self.bundles.to_owned()),
            server: Some(self.admin.clone()),
            ..Reach::default()
        };
        let auditor = Client::new(&reach, &["auditor"])?;
        let page: AuditPage =
            auditor.get(&format!("/v1/audit?limit=100&actor={}", encode("client")))?;
        let mine: Vec<AuditRecord> = page.records.into_iter().filter(|r| r.time >= begun).collect();
        say(&format!("  as \"auditor\" over mutual TLS to {}:\n\n", self.admin));
        // Not indented: the table takes all 80 columns.
        say(&records(&mine, []));
        // Blocks of an IV counter are reserved on the way; nobody asked for them.
        let mut found: Vec<&str> =
            mine.iter().filter(|r| r.kind != "reserved").map(|r| r.operation.as_str()).collect();
        let mut wanted = expected.to_vec();
        found.sort_unstable();
        wanted.sort_unstable();
        if found != wanted {
            return Err(Fault::new(
                errors::PROOF_FAILED,
                format!("The audit has {found:?} where {wanted:?} was done."),
            ));
        }
        if let Some(bad) = mine.iter().find(|r| r.result != "success") {
            return Err(Fault::new(
                errors::PROOF_FAILED,
                format!("The audit says {} of {}.", bad.result, bad.operation),
            ));
        }
        let verdict: AuditVerdict = auditor.get("/v1/audit/verify")?;
        say("\n");
        for line in verdict_text(&verdict).lines() {
            say(&format!("  {line}\n"));
        }
        if !verdict.intact {
            return Err(errors::AUDIT_BROKEN.into());
        }
        Ok(())
    }
}

fn step(what: &str, result: &str) {
    say(&format!("    {what}\n      {result}\n"));
}

fn failed<E: core::fmt::Display>(doing: &'static str) -> impl Fn(E) -> Fault {
    move |e| Fault::new(errors::PROOF_FAILED, format!("{doing}: {e}."))
}

fn wrap(
    client: &mut Connection,
    kek: &str,
    data_key: &SecretBytes,
    envelope: &Path,
) -> Result<(), Fault> {
    let wrapped = client
        .encrypt(kek, &CipherParameters::gcm(), None, &[], data_key.as_slice())
        .map_err(failed("Encrypt"))?;
    let text = serde_json::to_vec_pretty(&Envelope {
        kek: kek.into(),
        iv: hex(wrapped.iv.as_deref().unwrap_or_default()),
        tag: hex(wrapped.tag.as_deref().unwrap_or_default()),
        wrapped_data_key: hex(&wrapped.data),
    })
    .map_err(failed("writing the wrapped data key"))?;
    std::fs::write(envelope, text).map_err(failed("writing the wrapped data key"))
}

fn unwrap(client: &mut Connection, envelope: &Path) -> Result<SecretBytes, Fault> {
    let doing = "reading the wrapped data key";
    let text = std::fs::read(envelope).map_err(failed(doing))?;
    let kept: Envelope = serde_json::from_slice(&text).map_err(failed(doing))?;
    let ciphertext = Ciphertext {
        data: unhex(&kept.wrapped_data_key)?,
        iv: Some(unhex(&kept.iv)?),
        tag: Some(unhex(&kept.tag)?),
    };
    let plain = client
        .decrypt(&kept.kek, &CipherParameters::gcm(), &[], &ciphertext)
        .map_err(failed("Decrypt"))?;
    SecretBytes::from_slice(&plain).map_err(failed("keeping the data key"))
}

/// Seals a file in chunks. Each chunk is bound to the file's name, to its place and to whether it
/// is the last, so that chunks can be neither swapped nor cut off. Gives the plain bytes.
fn seal_file(key: &SecretBytes, name: &str, from: &Path, to: &Path) -> Result<u64, Fault> {
    let mut source = BufReader::new(File::open(from).map_err(failed("opening the file"))?);
    let mut sink = BufWriter::new(File::create(to).map_err(failed("writing the sealed file"))?);
    let mut total = 0;
    let mut chunk = read_chunk(&mut source, CHUNK)?;
    for index in 0_u64.. {
        let next = read_chunk(&mut source, CHUNK)?;
        let last = next.is_empty();
        let sealed =
            seal::seal(key, &context(name, index, last), &chunk).map_err(failed("encrypting"))?;
        sink.write_all(&sealed).map_err(failed("writing the sealed file"))?;
        total += chunk.len() as u64;
        if last {
            break;
        }
        chunk = next;
    }
    sink.flush().map_err(failed("writing the sealed file"))?;
    Ok(total)
}

/// Opens a sealed file, and compares it with the original if there is one.
fn open_file(
    key: &SecretBytes,
    name: &str,
    from: &Path,
    original: Option<&Path>,
) -> Result<(), Fault> {
    let different = || Fault::new(errors::PROOF_FAILED, "The decrypted file differs.");
    let mut source = BufReader::new(File::open(from).map_err(failed("opening the sealed file"))?);
    let mut other = match original {
        Some(path) => Some(BufReader::new(File::open(path).map_err(failed("opening the file"))?)),
        None => None,
    };
    let size = CHUNK + seal::OVERHEAD;
    let mut chunk = read_chunk(&mut source, size)?;
    for index in 0_u64.. {
        let next = read_chunk(&mut source, size)?;
        let last = next.is_empty();
        let plain =
            seal::open(key, &context(name, index, last), &chunk).map_err(failed("decrypting"))?;
        if let Some(other) = &mut other
            && read_chunk(other, plain.len())? != plain.as_slice()
        {
            return Err(different());
        }
        if last {
            break;
        }
        chunk = next;
    }
    if let Some(other) = &mut other
        && !read_chunk(other, 1)?.is_empty()
    {
        return Err(different());
    }
    Ok(())
}

fn context(name: &str, index: u64, last: bool) -> Vec<u8> {
    format!("strongroom proof:{name}:{index}:{last}").into_bytes()
}

fn read_chunk(source: &mut impl Read, size: usize) -> Result<Vec<u8>, Fault> {
    let mut chunk = Vec::new();
    source.take(size as u64).read_to_end(&mut chunk).map_err(failed("reading"))?;
    Ok(chunk)
}

fn unhex(text: &str) -> Result<Vec<u8>, Fault> {
    let bad = || Fault::new(errors::PROOF_FAILED, "The kept data key is not hexadecimal.");
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return Err(bad());
    }
    (0..text.len())
        .step_by(2)
        .map(|i| text.get(i..i + 2).and_then(|b| u8::from_str_radix(b, 16).ok()).ok_or_else(bad))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(size: usize) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (plain, sealed) = (dir.path().join("p"), dir.path().join("s"));
        let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        std::fs::write(&plain, bytes).unwrap();
        (dir, plain, sealed)
    }

    #[test]
    fn a_file_of_any_size_comes_back_the_same() {
        let key = SecretBytes::from_slice(&[7; 32]).unwrap();
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let (_dir, plain, sealed) = files(size);
            assert_eq!(seal_file(&key, "n", &plain, &sealed).unwrap(), size as u64);
            open_file(&key, "n", &sealed, Some(&plain)).unwrap();
            assert!(open_file(&key, "other", &sealed, None).is_err());
        }
    }

    #[test]
    fn a_sealed_file_that_was_cut_or_swapped_does_not_open() {
        let key = SecretBytes::from_slice(&[7; 32]).unwrap();
        let (_dir, plain, sealed) = files(3 * CHUNK);
        seal_file(&key, "n", &plain, &sealed).unwrap();
        let whole = std::fs::read(&sealed).unwrap();
        let one = CHUNK + seal::OVERHEAD;
        std::fs::write(&sealed, &whole[..2 * one]).unwrap();
        assert!(open_file(&key, "n", &sealed, None).is_err());
        let swapped = [&whole[one..2 * one], &whole[..one], &whole[2 * one..]].concat();
        std::fs::write(&sealed, swapped).unwrap();
        assert!(open_file(&key, "n", &sealed, None).is_err());
    }

    #[test]
    fn a_difference_from_the_original_is_found() {
        let key = SecretBytes::from_slice(&[7; 32]).unwrap();
        let (_dir, plain, sealed) = files(CHUNK + 10);
        seal_file(&key, "n", &plain, &sealed).unwrap();
        let mut longer = std::fs::read(&plain).unwrap();
        longer.push(0);
        std::fs::write(&plain, longer).unwrap();
        assert!(open_file(&key, "n", &sealed, Some(&plain)).is_err());
    }
}
