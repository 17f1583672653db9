//! ChaCha20 alone, without a tag.

use aws_lc_sys as ffi;

use crate::Error;

const BLOCK: u64 = 64;

/// The ChaCha20 key stream over a message, in steps. The same call encrypts and decrypts.
pub struct ChaCha20 {
    key: [u8; 32],
    nonce: [u8; 12],
    /// Bytes of key stream used, counted from block 0.
    position: u64,
}

impl ChaCha20 {
    /// Begins at block `counter`. The nonce is that of RFC 8439; the original cipher's 64-bit
    /// counter and nonce are four zero bytes, then the nonce.
    pub fn new(key: &[u8], nonce: [u8; 12], counter: u32) -> Result<Self, Error> {
        let key = key.try_into().map_err(|_| Error::BadKey("a ChaCha20 key has 32 bytes"))?;
        Ok(Self { key, nonce, position: u64::from(counter) * BLOCK })
    }

    /// Adds the key stream to `data`. Fails before the block counter would wrap.
    pub fn apply(&mut self, data: &mut [u8]) -> Result<(), Error> {
        let end = self.position.checked_add(data.len() as u64);
        if end.is_none_or(|end| end > BLOCK << 32) {
            return Err(Error::BadParameter("more data than the block counter allows"));
        }
        let used = (self.position % BLOCK) as usize;
        let mut rest = data;
        if used != 0 {
            let mut stream = [0; BLOCK as usize];
            self.xor(&mut stream);
            let (head, tail) = rest.split_at_mut(rest.len().min(stream.len() - used));
            head.iter_mut().zip(&stream[used..]).for_each(|(byte, key)| *byte ^= key);
            self.position += head.len() as u64;
            // SAFETY: these bytes are ours, and any value is valid for them.
            unsafe { ffi::OPENSSL_cleanse(stream.as_mut_ptr().cast(), stream.len()) };
            rest = tail;
        }
        if !rest.is_empty() {
            self.xor(rest);
            self.position += rest.len() as u64;
        }
        Ok(())
    }

    /// Adds the key stream from the beginning of the block that `position` is in.
    fn xor(&self, data: &mut [u8]) {
        let counter = (self.position / BLOCK) as u32;
        let at = data.as_mut_ptr();
        let (key, nonce) = (self.key.as_ptr(), self.nonce.as_ptr());
        // SAFETY: `data` is valid for its length; input and output may be the same; key and nonce
        // have the 32 and 12 bytes that the cipher reads.
        unsafe { ffi::CRYPTO_chacha_20(at, at, data.len(), key, nonce, counter) };
    }
}

impl Drop for ChaCha20 {
    fn drop(&mut self) {
        // SAFETY: these bytes are ours, and any value is valid for them.
        unsafe { ffi::OPENSSL_cleanse(self.key.as_mut_ptr().cast(), self.key.len()) };
    }
}
