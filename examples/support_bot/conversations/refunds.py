"""Money back: charged twice, price fell, where is my refund."""

from __future__ import annotations

from .turn import Call, Conversation, Turn, lookup

_REFUND_WHOLE = Call("create_refund", {"amount": "price", "reason": "second charge for one order"})

CONVERSATIONS = (
    Conversation(
        "charged_twice",
        (
            Turn(
                "I was charged twice for the trail tent, order {order}. Please refund one of them.",
                "You were charged {price} twice on {placed}. I have refunded the second payment; your bank needs "
                "5 to 10 working days to show it.",
                "refund",
                (Call("list_charges"), _REFUND_WHOLE),
                gist="Two charges of the same amount for one order. Policy: the second is refunded in full, no "
                "return needed.",
            ),
            Turn(
                "Thank you!! Do I get an email?",
                "Yes, a confirmation with the refund number re_{order} is on its way.",
                "refund",
            ),
        ),
        item="Trail 2 tent",
        charges=2,
    ),
    Conversation(
        "not_charged_twice",
        (
            Turn(
                "You took {price} from my card two times for {order}!",
                "I can see one charge of {price}, made on {placed}. The second line in your banking app is most "
                "likely the reservation, which disappears within a week; if it is still there then, write to us "
                "and we will act.",
                "refund",
                (Call("list_charges"),),
                poor="I am sorry! I have refunded {price} to your card. It will be there tomorrow.",
                gist="Only one charge is listed. A refund would be wrong: nothing more than what was charged is owed.",
            ),
            Turn(
                "My app shows both as booked, not reserved.",
                "Then our colleagues in payments have to look at it with your bank statement. I have handed the "
                "chat over; two people are before you.",
                "refund",
                (Call("hand_over", {"to": "payments", "summary": "Customer sees two booked charges, we see one"}),),
            ),
        ),
        item="Dunlin down jacket",
        handover="The customer sees two booked charges, our list shows one. Nothing was refunded; ask for the "
        "statement.",
    ),
    Conversation(
        "where_is_refund",
        (
            Turn(
                "Where is my refund for order {order}? It has been 9 days.",
                "Banks need 5 to 10 working days to show a refund, so it should appear within the next days. If "
                "it is not there after the tenth working day we will trace it for you.",
                "refund",
                lookup(),
                poor="Refunds are instant. Please check your account again.",
            ),
        ),
        item="Sti trail shoes",
        days_ago=25,
        status="returned",
    ),
    Conversation(
        "price_fell",
        (
            Turn(
                "I bought the Kestrel 400 on {placed}, now it is €40 cheaper. Do I get the difference?",
                "Yes: within 14 days of the order we refund the difference. I have sent €40.00 to the card you "
                "paid with.",
                "refund",
                lookup(
                    Call("list_charges"), Call("create_refund", {"amount": 40.0, "reason": "price fell within 14 days"})
                ),
                gist="Ordered within 14 days, so the price adjustment applies. The difference is 40 euros, below "
                "what was charged.",
            ),
            Turn(
                "Does that also work if it gets even cheaper on Friday?",
                "Yes, as long as Friday is within the 14 days. Write to us again and we refund the further difference.",
                "refund",
            ),
        ),
        item="Kestrel 400 sleeping bag",
        days_ago=8,
    ),
    Conversation(
        "gift_card_refund",
        (
            Turn(
                "I paid {order} with a gift card and sent it back. Can I have the money instead?",
                "What was paid by gift card goes back to a new gift card; it cannot be paid out. It is valid for "
                "3 years and arrives by email within 2 working days of our checking the return.",
                "refund",
                lookup(),
                poor="Sure, I can transfer the amount to your bank account. Please send me your IBAN.",
            ),
        ),
        item="Merino 180 base layer",
        status="returned",
        days_ago=12,
    ),
    Conversation(
        "refund_boots",
        (
            Turn(
                "I sent the boots back two weeks ago, {order}. When do you pay?",
                "Your return was checked and I have just started the refund of {price}. The bank needs 5 to 10 "
                "working days.",
                "refund",
                (Call("list_charges"), Call("create_refund", {"amount": "price", "reason": "returned within 30 days"})),
                gist="The order is marked returned; one charge. The whole price is owed within 30 days.",
            ),
            Turn(
                "and the shipping?",
                "Shipping was free for this order, so there is nothing more to refund. The return label was free "
                "as well.",
                "refund",
            ),
        ),
        item="Vidda hiking boots",
        status="returned",
        days_ago=21,
    ),
    Conversation(
        "discount_code",
        (
            Turn(
                "My discount code TRAIL15 does not work",
                "TRAIL15 ended on 15 November. Newsletter codes are personal and valid for 30 days: if you have "
                "one, it still works, one code an order.",
                "offers",
                poor="Try entering the code in capital letters. If that does not help, clear your cookies.",
            ),
            Turn(
                "It says valid until the end of the month in the mail from you",
                "Then I would like a colleague to see that email. Please forward it to us; if it says so, we "
                "honour the code.",
                "offers",
            ),
            Turn(
                "forwarded just now",
                "Thank you. I have passed it on with your chat and you will hear from us today.",
                "offers",
                (Call("hand_over", {"to": "care", "summary": "TRAIL15: email promises end of month"}),),
            ),
        ),
        handover="A newsletter says that TRAIL15 is valid until the end of the month; the shop ended it on the "
        "15th. The email was forwarded; honour the code if it says so.",
    ),
    Conversation(
        "student_discount",
        (
            Turn(
                "do you have student discount",
                "Yes, 10 % with a valid ISIC card, on everything that is not on sale.",
                "offers",
            ),
            Turn(
                "can i combine it with the newsletter code?",
                "No, one code an order. Take the higher of the two.",
                "offers",
                poor="Yes, both codes can be combined at checkout.",
            ),
        ),
    ),
)
