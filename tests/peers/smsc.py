"""A message centre of SMPP 3.4 on Twisted, which the tests run as a process of its own.

    smsc.py PASSWORD

Prints its port, then each message it is given as a line of JSON. The last three digits of the
receiver's number say what it does with it:

    011  refuses the number for good
    088  is too busy the first time
    404  takes it, and says at once that it was not delivered
    777  takes it, and says that it was delivered when a line comes on its input
    000  takes it, and says at once that it was delivered, with the identifier in the other base
    999  closes the connection
"""

import json
import sys
import threading

from smpp.pdu.operations import DeliverSM
from smpp.pdu.pdu_types import (
    CommandStatus,
    EsmClass,
    EsmClassMode,
    EsmClassType,
)
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse
from smpp.twisted.server import IAuthenticatedSMPP, SMPPServerFactory
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from zope.interface import implementer

SEEN = set()
LATE = []
COUNT = 0x0A00


def say(**line):
    print(json.dumps(line), flush=True)


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatar, mind, *interfaces):
        return IAuthenticatedSMPP, avatar, lambda: None


@implementer(ICredentialsChecker)
class Checker:
    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials):
        if (credentials.username, credentials.password) != ("hub", sys.argv[1]):
            raise UnauthorizedLogin()
        return credentials.username


def receipt(protocol, message_id, state):
    text = f"id:{message_id} sub:001 dlvrd:001 submit date:2611221140 done date:2611221141 stat:{state} err:000 text:"
    pdu = DeliverSM(
        source_addr="41790000000",
        destination_addr="77788",
        esm_class=EsmClass(EsmClassMode.DEFAULT, EsmClassType.SMSC_DELIVERY_RECEIPT),
        short_message=text.encode(),
    )
    protocol.sendDataRequest(pdu).addErrback(lambda failure: say(error=str(failure)))


def taken(system, protocol, pdu):
    global COUNT
    params = pdu.params
    to = params["destination_addr"].decode()
    say(
        system=system,
        to=to,
        source=params["source_addr"].decode(),
        source_ton=params["source_addr_ton"].name,
        dest_ton=params["dest_addr_ton"].name,
        esm_mode=params["esm_class"].mode.name,
        esm_type=params["esm_class"].type.name,
        udhi=[feature.name for feature in params["esm_class"].gsmFeatures],
        coding=str(params["data_coding"].schemeData),
        receipt=params["registered_delivery"].receipt.name,
        priority=params["priority_flag"].name,
        octets=params["short_message"].hex(),
    )
    what = to[-3:]
    if what == "011":
        return CommandStatus.ESME_RINVDSTADR
    if what == "088" and to not in SEEN:
        SEEN.add(to)
        return CommandStatus.ESME_RTHROTTLED
    if what == "999":
        protocol.transport.abortConnection()
        return CommandStatus.ESME_ROK
    COUNT += 1
    message_id = f"{COUNT:X}"
    if params["registered_delivery"].receipt.name == "SMSC_DELIVERY_RECEIPT_REQUESTED":
        if what == "000":
            reactor.callLater(0, receipt, protocol, f"{COUNT:010}", "DELIVRD")
        elif what == "404":
            reactor.callLater(0, receipt, protocol, message_id, "UNDELIV")
        elif what == "777":
            LATE.append((protocol, message_id))
    return DataHandlerResponse(status=CommandStatus.ESME_ROK, message_id=message_id.encode())


def late_receipts():
    for _ in sys.stdin:
        for protocol, message_id in LATE:
            reactor.callFromThread(receipt, protocol, message_id, "DELIVRD")
        LATE.clear()
    reactor.callFromThread(reactor.stop)


portal = Portal(Realm())
portal.registerChecker(Checker())
config = SMPPServerConfig(systems={"hub": {"max_bindings": 2}}, msgHandler=taken)
listening = reactor.listenTCP(0, SMPPServerFactory(config, portal), interface="127.0.0.1")
say(port=listening.getHost().port)
threading.Thread(target=late_receipts, daemon=True).start()
reactor.run()
