#!/usr/bin/env python3
"""The lines that quickstart prints for pasting, taken from its output and run as they stand.

PyKMIP's go to a shell; those for MongoDB's drivers to a shell (the file with certificate and key)
and to Python (the settings), and libmongocrypt makes, encrypts and decrypts with exactly these.

usage: recipes.py STRONGROOM WORK_DIR
"""

import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import bson
from pymongocrypt.mongocrypt import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter

import mongocrypt


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Quickstart:
    """A quickstart that goes on serving, and what it printed until then."""

    def __init__(self, binary, work):
        self.process = subprocess.Popen(
            [binary, "quickstart", "--data", str(work / "data")]
            + ["--kmip", f"127.0.0.1:{free_port()}", "--admin", f"127.0.0.1:{free_port()}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.printed = ""
        for line in self.process.stdout:
            self.printed += line
            if "Ctrl-C stops." in line:
                return
        raise OSError(f"quickstart ended:\n{self.printed}")

    def recipe(self, product):
        """The lines under a product's heading, as they are printed."""
        lines = self.printed[self.printed.index("Connect something") :].splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith(product))
        body = []
        for line in lines[start + 1 :]:
            if not line.startswith("  "):
                break
            body.append(line)
        assert body, f"nothing is printed for {product}"
        return body

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.stdout.read()
        return self.process.wait(30)


def paste(lines, work):
    """Runs lines as a shell does that they are pasted into."""
    here = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{here}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input="\n".join(lines) + "\n",
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"exit {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def pykmip(server, work):
    made = paste(server.recipe("PyKMIP"), work).strip()
    assert len(made) == 36, f"no identifier was printed but {made!r}"
    return f"made {made}"


class Vault(mongocrypt.Vault):
    """TLS as the drivers do it with their two options."""

    def __init__(self, tls, keys):
        self.context = ssl.create_default_context(cafile=tls["tlsCAFile"])
        self.context.load_cert_chain(tls["tlsCertificateKeyFile"])
        self.keys = keys
        self.messages = 0


def mongodb_drivers(server, work):
    lines = server.recipe("pymongocrypt")
    first = next(i for i, line in enumerate(lines) if "kms_providers" in line)
    paste(lines[:first], work)
    mode = (work / "client.pem").stat().st_mode & 0o777
    assert mode == 0o600, f"client.pem has mode {mode:o}"
    settings = {}
    # Without the margin, which Python would take for a block's.
    exec("\n".join(line[2:] for line in lines[first:]), settings)
    tls = settings["kms_tls_options"]["kmip"]
    os.chdir(work)
    keys = []
    writer = ExplicitEncrypter(Vault(tls, keys), MongoCryptOptions(settings["kms_providers"]))
    key_id = writer.create_data_key("kmip", {})
    value = bson.encode({"v": "pasted"})
    encrypted = writer.encrypt(value, mongocrypt.ALGORITHM, key_id=key_id)
    writer.close()
    reader = ExplicitEncrypter(Vault(tls, keys), MongoCryptOptions(settings["kms_providers"]))
    decrypted = reader.decrypt(encrypted)
    reader.close()
    assert bson.decode(decrypted) == bson.decode(value), "decrypted to something else"
    return "made, encrypted, decrypted"


def main():
    binary, work = sys.argv[1], Path(sys.argv[2]).absolute()
    work.mkdir(parents=True, exist_ok=True)
    server = Quickstart(binary, work)
    passed = failed = 0
    for story in (pykmip, mongodb_drivers):
        try:
            print(f"ok     {story.__name__}: {story(server, work)}")
            passed += 1
        except Exception as error:
            print(f"FAILED {story.__name__}: {type(error).__name__}: {error}")
            failed += 1
    if server.stop() != 0:
        print("FAILED the quickstart did not stop cleanly")
        failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
