//! Symmetric ciphers: one EVP context for every block mode and AEAD, in steps or at once.
//!
//! The choice of a [`Cipher`] settles key, IV and tag lengths, so that a [`Context`] is never made
//! with others. No mode pads: that is the caller's.

use std::ops::RangeInclusive;
use std::os::raw::c_int;
use std::ptr;

use aws_lc_sys as ffi;

use crate::{Error, ok};

/// An algorithm that EVP knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Algorithm {
    Aes,
    /// With two keys (16 bytes) or three (24 bytes).
    TripleDes,
    Des,
    /// With a 128-bit key.
    Blowfish,
    Rc4,
    ChaCha20Poly1305,
}

/// A mode of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Mode {
    Ecb,
    Cbc,
    /// With feedback of a whole block.
    Cfb,
    Ofb,
    Ctr,
    Gcm,
    Ccm,
    /// One data unit for each context, with both keys in one string.
    Xts,
    /// What a stream cipher does.
    Stream,
    /// What ChaCha20-Poly1305 does.
    Aead,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    Encrypt,
    Decrypt,
}

/// An algorithm, mode and key length that the library has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipher {
    algorithm: Algorithm,
    mode: Mode,
    key_len: usize,
}

/// Longest piece for one call: the C interface counts in `int`, and a block may be added.
const LONGEST: usize = i32::MAX as usize - 64;

/// Longest GCM IV in bytes. The standard permits more; nobody uses more.
const LONGEST_GCM_IV: usize = 1024;

impl Cipher {
    /// Finds the cipher for a key of `key_len` bytes.
    pub fn find(algorithm: Algorithm, mode: Mode, key_len: usize) -> Result<Self, Error> {
        let fits = match (algorithm, mode) {
            (Algorithm::Aes, Mode::Xts) => key_len == 64,
            (Algorithm::Aes, Mode::Stream | Mode::Aead) => {
                return Err(Error::Unsupported("this mode of AES"));
            }
            (Algorithm::Aes, _) => matches!(key_len, 16 | 24 | 32),
            (Algorithm::TripleDes, Mode::Ecb | Mode::Cbc) => matches!(key_len, 16 | 24),
            (Algorithm::Des, Mode::Ecb | Mode::Cbc) => key_len == 8,
            (Algorithm::TripleDes | Algorithm::Des, _) => {
                return Err(Error::Unsupported("a mode of DES or 3DES other than ECB and CBC"));
            }
            (Algorithm::Blowfish, Mode::Ecb | Mode::Cbc) => key_len == 16,
            (Algorithm::Blowfish, _) => {
                return Err(Error::Unsupported("a mode of Blowfish other than ECB and CBC"));
            }
            // Longer keys exist on paper only; the library's state has 256 bytes.
            (Algorithm::Rc4, Mode::Stream) => (5..=256).contains(&key_len),
            (Algorithm::Rc4, _) => return Err(Error::Unsupported("a block mode of RC4")),
            (Algorithm::ChaCha20Poly1305, Mode::Aead) => key_len == 32,
            (Algorithm::ChaCha20Poly1305, _) => {
                return Err(Error::Unsupported("this mode of ChaCha20-Poly1305"));
            }
        };
        if fits {
            Ok(Self { algorithm, mode, key_len })
        } else {
            Err(Error::BadKey("its length does not fit the algorithm and mode"))
        }
    }

    /// Block length in bytes; 1 for what works on any length.
    pub fn block_len(self) -> usize {
        match (self.algorithm, self.mode) {
            (Algorithm::Aes, Mode::Ecb | Mode::Cbc) => 16,
            (Algorithm::TripleDes | Algorithm::Des | Algorithm::Blowfish, _) => 8,
            _ => 1,
        }
    }

    /// Permitted IV lengths in bytes.
    pub fn iv_lens(self) -> RangeInclusive<usize> {
        match (self.algorithm, self.mode) {
            (_, Mode::Ecb | Mode::Stream) => 0..=0,
            (_, Mode::Gcm) => 1..=LONGEST_GCM_IV,
            (_, Mode::Ccm) => 7..=13,
            (_, Mode::Aead) => 12..=12,
            (Algorithm::TripleDes | Algorithm::Des | Algorithm::Blowfish, _) => 8..=8,
            _ => 16..=16,
        }
    }

    /// Whether it authenticates.
    pub fn is_aead(self) -> bool {
        matches!(self.mode, Mode::Gcm | Mode::Ccm | Mode::Aead)
    }

    /// Whether a tag may have this many bytes: SP 800-38D and 38C; for ChaCha20-Poly1305 16 bytes
    /// or a cut of at least 12.
    pub fn tag_len_fits(self, len: usize) -> bool {
        match self.mode {
            Mode::Gcm => matches!(len, 4 | 8 | 12..=16),
            Mode::Ccm => matches!(len, 4 | 6 | 8 | 10 | 12 | 14 | 16),
            Mode::Aead => matches!(len, 12..=16),
            _ => false,
        }
    }

    fn as_ptr(self) -> *const ffi::EVP_CIPHER {
        use {Algorithm as A, Mode as M};
        // SAFETY: each returns the address of a constant table of the library.
        unsafe {
            match (self.algorithm, self.mode, self.key_len) {
                (A::Aes, M::Ecb, 16) => ffi::EVP_aes_128_ecb(),
                (A::Aes, M::Ecb, 24) => ffi::EVP_aes_192_ecb(),
                (A::Aes, M::Ecb, 32) => ffi::EVP_aes_256_ecb(),
                (A::Aes, M::Cbc, 16) => ffi::EVP_aes_128_cbc(),
                (A::Aes, M::Cbc, 24) => ffi::EVP_aes_192_cbc(),
                (A::Aes, M::Cbc, 32) => ffi::EVP_aes_256_cbc(),
                (A::Aes, M::Cfb, 16) => ffi::EVP_aes_128_cfb128(),
                (A::Aes, M::Cfb, 24) => ffi::EVP_aes_192_cfb128(),
                (A::Aes, M::Cfb, 32) => ffi::EVP_aes_256_cfb128(),
                (A::Aes, M::Ofb, 16) => ffi::EVP_aes_128_ofb(),
                (A::Aes, M::Ofb, 24) => ffi::EVP_aes_192_ofb(),
                (A::Aes, M::Ofb, 32) => ffi::EVP_aes_256_ofb(),
                (A::Aes, M::Ctr, 16) => ffi::EVP_aes_128_ctr(),
                (A::Aes, M::Ctr, 24) => ffi::EVP_aes_192_ctr(),
                (A::Aes, M::Ctr, 32) => ffi::EVP_aes_256_ctr(),
                (A::Aes, M::Gcm, 16) => ffi::EVP_aes_128_gcm(),
                (A::Aes, M::Gcm, 24) => ffi::EVP_aes_192_gcm(),
                (A::Aes, M::Gcm, 32) => ffi::EVP_aes_256_gcm(),
                (A::Aes, M::Ccm, 16) => ffi::EVP_aes_128_ccm(),
                (A::Aes, M::Ccm, 24) => ffi::EVP_aes_192_ccm(),
                (A::Aes, M::Ccm, 32) => ffi::EVP_aes_256_ccm(),
                (A::Aes, M::Xts, 64) => ffi::EVP_aes_256_xts(),
                (A::TripleDes, M::Ecb, 16) => ffi::EVP_des_ede(),
                (A::TripleDes, M::Ecb, 24) => ffi::EVP_des_ede3_ecb(),
                (A::TripleDes, M::Cbc, 16) => ffi::EVP_des_ede_cbc(),
                (A::TripleDes, M::Cbc, 24) => ffi::EVP_des_ede3_cbc(),
                (A::Des, M::Ecb, _) => ffi::EVP_des_ecb(),
                (A::Des, M::Cbc, _) => ffi::EVP_des_cbc(),
                (A::Blowfish, M::Ecb, _) => ffi::EVP_bf_ecb(),
                (A::Blowfish, M::Cbc, _) => ffi::EVP_bf_cbc(),
                (A::Rc4, ..) => ffi::EVP_rc4(),
                (A::ChaCha20Poly1305, ..) => ffi::EVP_chacha20_poly1305(),
                _ => ptr::null(),
            }
        }
    }
}

/// A cipher at work on one message. The library's key schedule is wiped on drop.
pub struct Context {
    context: *mut ffi::EVP_CIPHER_CTX,
    cipher: Cipher,
    direction: Direction,
}

// SAFETY: the context is owned by this value and not tied to a thread.
unsafe impl Send for Context {}
// SAFETY: a shared reference gives no access to the context.
unsafe impl Sync for Context {}

impl Context {
    /// Begins. For CCM use [`ccm_seal`] and [`ccm_open`]: it must know the length beforehand.
    pub fn new(cipher: Cipher, direction: Direction, key: &[u8], iv: &[u8]) -> Result<Self, Error> {
        if cipher.mode == Mode::Ccm {
            return Err(Error::Unsupported("CCM in steps"));
        }
        let this = Self::empty(cipher, direction, key, iv)?;
        if cipher.mode == Mode::Gcm {
            this.control(ffi::EVP_CTRL_AEAD_SET_IVLEN, iv.len(), ptr::null_mut())?;
        }
        this.set_key_and_iv(key, iv)?;
        Ok(this)
    }

    /// Adds data that is authenticated but not encrypted, before any [`Context::update`].
    pub fn aad(&mut self, aad: &[u8]) -> Result<(), Error> {
        if !self.cipher.is_aead() {
            return Err(Error::BadParameter("additional data needs an authenticating mode"));
        }
        if aad.is_empty() {
            return Ok(());
        }
        let len = c_len(aad.len())?;
        let mut written: c_int = 0;
        // SAFETY: a null output marks additional data; `aad` is valid for `len` bytes.
        let result = unsafe {
            let out = ptr::null_mut();
            ffi::EVP_CipherUpdate(self.context, out, &raw mut written, aad.as_ptr(), len)
        };
        ok(result, Error::BadParameter("additional data after data, or too much of it"))
    }

    /// Works on the next piece and says how many bytes of `output` it wrote. `output` must have
    /// room for `input` and one block.
    pub fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let block = self.cipher.block_len();
        let extra = if block > 1 { block } else { 0 };
        if output.len() < input.len() + extra {
            return Err(Error::BadParameter("output shorter than the input and a block"));
        }
        let len = c_len(input.len())?;
        let mut written: c_int = 0;
        // SAFETY: `input` is valid for `len` bytes; the library writes at most `len` and what is
        // left of a block, for which the check above found room.
        let result = unsafe {
            let out = output.as_mut_ptr();
            ffi::EVP_CipherUpdate(self.context, out, &raw mut written, input.as_ptr(), len)
        };
        ok(result, Error::BadParameter("data of this length"))?;
        Ok(written as usize)
    }

    /// Ends a message of a mode without a tag. Fails when whole blocks were due and a part is left.
    pub fn finish(self) -> Result<(), Error> {
        if self.cipher.is_aead() {
            return Err(Error::BadParameter("an authenticating mode ends with its tag"));
        }
        self.finalize(Error::BadParameter("data that is no multiple of the block"))
    }

    /// Ends encryption in an authenticating mode and fills `tag`.
    pub fn finish_tag(self, tag: &mut [u8]) -> Result<(), Error> {
        if self.direction != Direction::Encrypt || !self.cipher.tag_len_fits(tag.len()) {
            return Err(Error::BadParameter("tag length"));
        }
        self.finalize(Error::Internal("EVP_CipherFinal_ex"))?;
        self.control(ffi::EVP_CTRL_AEAD_GET_TAG, tag.len(), tag.as_mut_ptr())
    }

    /// Ends decryption in an authenticating mode. Until this says so, nothing is authentic.
    pub fn finish_verify(self, tag: &[u8]) -> Result<(), Error> {
        if self.direction != Direction::Decrypt || !self.cipher.tag_len_fits(tag.len()) {
            return Err(Error::BadParameter("tag length"));
        }
        // The library copies the tag and does not write to it, though its type says it might.
        self.control(ffi::EVP_CTRL_AEAD_SET_TAG, tag.len(), tag.as_ptr().cast_mut())?;
        self.finalize(Error::BadData)
    }

    fn empty(cipher: Cipher, direction: Direction, key: &[u8], iv: &[u8]) -> Result<Self, Error> {
        if key.len() != cipher.key_len {
            return Err(Error::BadKey("its length does not fit the algorithm and mode"));
        }
        if !cipher.iv_lens().contains(&iv.len()) {
            return Err(Error::BadParameter("IV length"));
        }
        let table = cipher.as_ptr();
        if table.is_null() {
            return Err(Error::Unsupported("this cipher"));
        }
        // SAFETY: allocates or returns null, which is checked.
        let context = unsafe { ffi::EVP_CIPHER_CTX_new() };
        if context.is_null() {
            return Err(Error::Internal("EVP_CIPHER_CTX_new"));
        }
        let this = Self { context, cipher, direction };
        let encrypt = c_int::from(direction == Direction::Encrypt);
        // SAFETY: the context is live and `table` a constant; null key and IV set neither.
        let result = unsafe {
            let (none, engine) = (ptr::null(), ptr::null_mut());
            ffi::EVP_CipherInit_ex(this.context, table, engine, none, none, encrypt)
        };
        ok(result, Error::Internal("EVP_CipherInit_ex"))?;
        if cipher.algorithm == Algorithm::Rc4 {
            // SAFETY: the context is live; the length was checked to be at most 256.
            let result =
                unsafe { ffi::EVP_CIPHER_CTX_set_key_length(this.context, cipher.key_len as _) };
            ok(result, Error::BadKey("RC4 key length"))?;
        }
        // SAFETY: the context is live.
        unsafe { ffi::EVP_CIPHER_CTX_set_padding(this.context, 0) };
        Ok(this)
    }

    fn set_key_and_iv(&self, key: &[u8], iv: &[u8]) -> Result<(), Error> {
        let iv = if iv.is_empty() { ptr::null() } else { iv.as_ptr() };
        // SAFETY: `empty` checked that key and IV have the lengths that the cipher reads; -1 keeps
        // the direction; null cipher and engine keep what is set.
        let result = unsafe {
            let engine = ptr::null_mut();
            ffi::EVP_CipherInit_ex(self.context, ptr::null(), engine, key.as_ptr(), iv, -1)
        };
        ok(result, Error::BadKey("the cipher refuses it"))
    }

    fn control(&self, command: i32, len: usize, at: *mut u8) -> Result<(), Error> {
        let len = c_len(len)?;
        // SAFETY: the callers pass a buffer of `len` bytes, or null with SET_IVLEN and CCM's
        // SET_TAG, which then read none.
        let result = unsafe { ffi::EVP_CIPHER_CTX_ctrl(self.context, command, len, at.cast()) };
        ok(result, Error::BadParameter("IV or tag length"))
    }

    fn finalize(&self, error: Error) -> Result<(), Error> {
        let mut rest = [0u8; 32];
        let mut written: c_int = 0;
        // SAFETY: without padding nothing is written; there is room for a block all the same.
        let result =
            unsafe { ffi::EVP_CipherFinal_ex(self.context, rest.as_mut_ptr(), &raw mut written) };
        ok(result, error)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: allocated in `empty`, freed once; free wipes the key schedule.
        unsafe { ffi::EVP_CIPHER_CTX_free(self.context) };
    }
}

/// CCM encryption (SP 800-38C) of a whole message; `output` as long as `data`.
pub fn ccm_seal(
    cipher: Cipher,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    data: &[u8],
    output: &mut [u8],
    tag: &mut [u8],
) -> Result<(), Error> {
    let mut context = ccm(cipher, Direction::Encrypt, key, iv, aad, data, (tag.len(), None))?;
    context.update(data, output)?;
    context.control(ffi::EVP_CTRL_AEAD_GET_TAG, tag.len(), tag.as_mut_ptr())
}

/// CCM decryption of a whole message; `output` as long as `data`, zero unless the tag verifies.
pub fn ccm_open(
    cipher: Cipher,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    data: &[u8],
    output: &mut [u8],
    tag: &[u8],
) -> Result<(), Error> {
    let expected = (tag.len(), Some(tag));
    let mut context = ccm(cipher, Direction::Decrypt, key, iv, aad, data, expected)?;
    context.update(data, output).map(drop).map_err(|_| Error::BadData)
}

/// A CCM context that knows everything but the data.
fn ccm(
    cipher: Cipher,
    direction: Direction,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    data: &[u8],
    (tag_len, tag): (usize, Option<&[u8]>),
) -> Result<Context, Error> {
    if cipher.mode != Mode::Ccm || !cipher.tag_len_fits(tag_len) {
        return Err(Error::BadParameter("tag length"));
    }
    let mut context = Context::empty(cipher, direction, key, iv)?;
    // The length field shares 15 bytes with the IV.
    let length_bits = 8 * (15 - iv.len());
    if length_bits < usize::BITS as usize && data.len() >> length_bits != 0 {
        return Err(Error::BadParameter("more data than CCM permits with an IV of this length"));
    }
    context.control(ffi::EVP_CTRL_AEAD_SET_IVLEN, iv.len(), ptr::null_mut())?;
    let at = tag.map_or(ptr::null_mut(), |tag| tag.as_ptr().cast_mut());
    context.control(ffi::EVP_CTRL_AEAD_SET_TAG, tag_len, at)?;
    context.set_key_and_iv(key, iv)?;
    let len = c_len(data.len())?;
    let mut written: c_int = 0;
    // SAFETY: null input and output announce the length of the message and touch no memory.
    let result = unsafe {
        let (none, from) = (ptr::null_mut(), ptr::null());
        ffi::EVP_CipherUpdate(context.context, none, &raw mut written, from, len)
    };
    ok(result, Error::BadParameter("data of this length"))?;
    context.aad(aad)?;
    Ok(context)
}

/// A length as C's `int`.
fn c_len(len: usize) -> Result<c_int, Error> {
    if len > LONGEST {
        return Err(Error::BadParameter("more than 2 GiB at once"));
    }
    c_int::try_from(len).map_err(|_| Error::BadParameter("more than 2 GiB at once"))
}
