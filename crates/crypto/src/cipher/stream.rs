//! Encryption and decryption in steps (KMIP's Init Indicator, Final Indicator, Correlation Value).
//!
//! Decryption in an authenticating mode withholds everything until the tag verifies: the caller
//! bounds how much it feeds. Modes that need the whole message (CCM, XTS, key wrap) gather it.

use strongroom_awslc::chacha::ChaCha20;
use strongroom_awslc::cipher::{Cipher, Context, Direction};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use super::resolve::{Kind, counter_room};
use super::{Ciphertext, Padding, Spec, expect_tag, refuse_aad};
use crate::CryptoError;

/// A message under way.
pub struct Stream {
    direction: Direction,
    spec: Spec,
    iv: Vec<u8>,
    /// Bytes taken in.
    taken: usize,
    work: Work,
}

enum Work {
    Plain { context: Context, cipher: Cipher, padding: Padding, held: Zeroizing<Vec<u8>> },
    Seal { context: Context, tag_len: usize },
    Open { context: Context, tag_len: usize, withheld: Zeroizing<Vec<u8>> },
    ChaCha20(ChaCha20),
    Gather { key: SecretBytes, aad: Vec<u8>, gathered: Zeroizing<Vec<u8>> },
}

impl Stream {
    /// Begins encryption.
    pub fn encrypt(
        key: &SecretBytes,
        spec: &Spec,
        iv: &[u8],
        aad: &[u8],
    ) -> Result<Self, CryptoError> {
        Self::new(Direction::Encrypt, key, spec, iv, aad)
    }

    /// Begins decryption.
    pub fn decrypt(
        key: &SecretBytes,
        spec: &Spec,
        iv: &[u8],
        aad: &[u8],
    ) -> Result<Self, CryptoError> {
        Self::new(Direction::Decrypt, key, spec, iv, aad)
    }

    fn new(
        direction: Direction,
        key: &SecretBytes,
        spec: &Spec,
        iv: &[u8],
        aad: &[u8],
    ) -> Result<Self, CryptoError> {
        refuse_aad(spec, aad)?;
        let work = match Kind::of(spec, key.len(), iv)? {
            // XTS works on one data unit: EVP would take only the first piece.
            Kind::Evp { cipher, padding, tag_len }
                if spec.mode != Some(strongroom_kmip::BlockCipherMode::XTS) =>
            {
                let mut context = Context::new(cipher, direction, key.as_slice(), iv)?;
                match (tag_len, direction) {
                    (None, _) => {
                        Work::Plain { context, cipher, padding, held: Zeroizing::default() }
                    }
                    (Some(tag_len), Direction::Encrypt) => {
                        context.aad(aad)?;
                        Work::Seal { context, tag_len }
                    }
                    (Some(tag_len), Direction::Decrypt) => {
                        context.aad(aad)?;
                        Work::Open { context, tag_len, withheld: Zeroizing::default() }
                    }
                }
            }
            Kind::ChaCha20 { nonce, counter } => {
                Work::ChaCha20(ChaCha20::new(key.as_slice(), nonce, counter)?)
            }
            Kind::Evp { .. }
            | Kind::Ccm { .. }
            | Kind::Xts128
            | Kind::KeyWrap
            | Kind::KeyWrapPadded => Work::Gather {
                key: key.try_clone()?,
                aad: aad.to_vec(),
                gathered: Zeroizing::default(),
            },
        };
        Ok(Self { direction, spec: *spec, iv: iv.to_vec(), taken: 0, work })
    }

    /// How much data the stream holds back, in bytes.
    pub fn withheld(&self) -> usize {
        match &self.work {
            Work::Plain { held, .. } => held.len(),
            Work::Open { withheld, .. } => withheld.len(),
            Work::Gather { gathered, .. } => gathered.len(),
            Work::Seal { .. } | Work::ChaCha20(_) => 0,
        }
    }

    /// Takes the next piece and gives what can be given, perhaps nothing.
    pub fn update(&mut self, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let taken = self.taken.checked_add(data.len());
        let taken = taken.ok_or_else(|| CryptoError::parameter("data too long"))?;
        counter_room(&self.spec, &self.iv, taken)?;
        self.taken = taken;
        match &mut self.work {
            Work::Plain { context, cipher, padding, held } => {
                let mut out = run(context, *cipher, data)?;
                if self.direction == Direction::Encrypt || *padding == Padding::None {
                    return Ok(std::mem::take(&mut *out));
                }
                // The last block may hold padding: keep one back.
                held.append(&mut out);
                let ready = held.len().saturating_sub(cipher.block_len());
                let rest = Zeroizing::new(held.split_off(ready));
                Ok(std::mem::take(&mut *std::mem::replace(held, rest)))
            }
            Work::Seal { context, .. } => {
                let mut out = vec![0; data.len()];
                context.update(data, &mut out)?;
                Ok(out)
            }
            Work::Open { context, withheld, .. } => {
                let mut out = Zeroizing::new(vec![0; data.len()]);
                context.update(data, &mut out)?;
                append(withheld, &out);
                Ok(Vec::new())
            }
            Work::ChaCha20(cipher) => {
                let mut out = Zeroizing::new(data.to_vec());
                cipher.apply(&mut out)?;
                Ok(std::mem::take(&mut *out))
            }
            Work::Gather { gathered, .. } => {
                append(gathered, data);
                Ok(Vec::new())
            }
        }
    }

    /// Ends the message and gives the last of it, with the tag after encryption in an
    /// authenticating mode. Decryption in such a mode needs the tag here.
    pub fn finish(self, tag: Option<&[u8]>) -> Result<Ciphertext, CryptoError> {
        let data = match self.work {
            Work::Plain { mut context, cipher, padding, mut held } => {
                let block = cipher.block_len();
                if self.direction == Direction::Encrypt {
                    padding.check_whole(block, self.taken)?;
                    let mut last = Zeroizing::default();
                    if let Some(pad) = padding.make(block, self.taken)? {
                        last = run(&mut context, cipher, pad.as_slice())?;
                    }
                    context.finish()?;
                    std::mem::take(&mut *last)
                } else {
                    padding.check_ciphertext(block, self.taken)?;
                    context.finish()?;
                    let used = padding.strip(block, &held)?;
                    drop(Zeroizing::new(held.split_off(used)));
                    std::mem::take(&mut *held)
                }
            }
            Work::Seal { context, tag_len } => {
                let mut tag = vec![0; tag_len];
                context.finish_tag(&mut tag)?;
                return Ok(Ciphertext { data: Vec::new(), tag: Some(tag) });
            }
            Work::Open { context, tag_len, mut withheld } => {
                context.finish_verify(expect_tag(tag, tag_len)?)?;
                std::mem::take(&mut *withheld)
            }
            Work::ChaCha20(_) => Vec::new(),
            Work::Gather { key, aad, gathered } if self.direction == Direction::Encrypt => {
                return super::encrypt(&key, &self.spec, &self.iv, &aad, &gathered);
            }
            Work::Gather { key, aad, gathered } => {
                super::decrypt(&key, &self.spec, &self.iv, &aad, &gathered, tag)?
            }
        };
        Ok(Ciphertext { data, tag: None })
    }
}

/// Runs a piece through a context and gives what came out.
fn run(
    context: &mut Context,
    cipher: Cipher,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let block = cipher.block_len();
    let mut out = Zeroizing::new(vec![0; data.len() + if block > 1 { block } else { 0 }]);
    let done = context.update(data, &mut out)?;
    out.truncate(done);
    Ok(out)
}

/// Appends without leaving a copy behind when the buffer has to move.
fn append(buffer: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    if buffer.capacity() - buffer.len() < data.len() {
        let capacity = (buffer.len() + data.len()).max(2 * buffer.capacity());
        let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(data);
}
