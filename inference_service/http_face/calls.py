"""Asks the table of methods, as a transport does, and tells the observer of it."""

import time
from collections.abc import Callable, Sequence

from inference_service.methods import Batch, FindMethod, Inference, Outcome, Quick
from inference_service.observer import Observer
from inference_service.status import INTERNAL_TEXT, Code, status_of

SERVICE = "/inference.GRPCInferenceService/"

Run = Callable[[Batch], Sequence[Outcome]]


class Refused(Exception):
    """A call that was not answered: the status, and a text that the client may read."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


class Calls:
    """Calls by the name of the method: bytes in, bytes out, Refused instead of any other error."""

    def __init__(
        self,
        find: FindMethod,
        run: Run,
        observer: Observer | None = None,
    ) -> None:
        self._find = find
        self._run = run
        self._observer = observer

    def ask(self, name: str, message: bytes, traceparent: str | None = None) -> bytes:
        """The answer of the method `name` to one message. Raises Refused."""
        path = SERVICE + name
        start = time.perf_counter()
        code, answer = Code.OK, None
        try:
            answer = self._answer(path, message)
            return answer
        except Refused as error:
            code = error.code
            raise
        finally:
            if self._observer is not None:
                seconds = time.perf_counter() - start
                self._observer.observe(path, code, seconds, traceparent, answer)

    def _answer(self, path: str, message: bytes) -> bytes:
        method = self._find(path)
        try:
            if isinstance(method, Quick):
                return method.answer(message)
            if isinstance(method, Inference):
                return self._inferred(method, message)
        except Refused:
            raise
        except Exception as error:
            raise Refused(*status_of(error)) from None
        raise Refused(Code.UNIMPLEMENTED, "this service does not have the method")

    def _inferred(self, method: Inference, message: bytes) -> bytes:
        for batch in method.plan([message]):
            for outcome in self._run(batch):
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome
        raise Refused(Code.INTERNAL, INTERNAL_TEXT)
