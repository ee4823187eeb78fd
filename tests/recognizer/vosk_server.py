"""A Vosk server that behaves like `asr_server.py`.

`python vosk_server.py MODEL` prints its port and serves until it is killed. The original belongs to vosk-server and is
in no package index; this is its protocol around the real Vosk.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import vosk
from aiohttp import WSMsgType, web


def heard(decoder: vosk.KaldiRecognizer, message: str | bytes) -> tuple[str, bool]:
    """The answer to a message, and whether it is the last."""
    if message == '{"eof" : 1}':
        return decoder.FinalResult(), True
    if decoder.AcceptWaveform(message):
        return decoder.Result(), False
    return decoder.PartialResult(), False


class Server:
    def __init__(self, model: str) -> None:
        self._model = vosk.Model(model)
        self._pool = ThreadPoolExecutor(2)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        config: dict[str, object] = {"sample_rate": 8000, "words": True, "max_alternatives": 0}
        decoder = None
        async for message in socket:
            if message.type is WSMsgType.TEXT and "config" in message.data:
                config |= json.loads(message.data)["config"]
                continue
            if decoder is None:
                decoder = self._decoder(config)
            reply, stop = await asyncio.get_running_loop().run_in_executor(self._pool, heard, decoder, message.data)
            await socket.send_str(reply)
            if stop:
                break
        return socket

    def _decoder(self, config: dict[str, object]) -> vosk.KaldiRecognizer:
        phrases = config.get("phrase_list")
        grammar = [json.dumps(phrases, ensure_ascii=False)] if phrases else []
        decoder = vosk.KaldiRecognizer(self._model, config["sample_rate"], *grammar)
        decoder.SetWords(config["words"])
        decoder.SetMaxAlternatives(config["max_alternatives"])
        return decoder


async def main(model: str) -> None:
    app = web.Application()
    app.router.add_get("/", Server(model).serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    vosk.SetLogLevel(-1)
    asyncio.run(main(sys.argv[1]))
