"""English sentence patterns of the embedded set: written for this project, free to use.

One pattern a line; the words in braces are slots, filled from `intent_words.py`. Train, validation and test have
patterns of their own. Places and the words of the way (go, get, how, way) occur in every intent or in
several, so that neither a place nor a single word tells navigation apart.
"""

PATTERNS = {
    "navigation": {
        "train": """
            navigate to {place}
            how do i get to {place}
            take me to {place}
            i want to go to {place}
            directions to {place}
            show me the way to {place}
            what is the fastest route to {place}
            drive to {place} avoiding tolls
            how far is {place}
            go to {place} from {place2}
            find a route to {place} without traffic
            guide me to the {facility} at {place}
            which way do i go for {place}
            take the next exit to {place}
            bring up the way to the nearest {facility}
            my destination is {place}
            which road takes me to {place}
            how many miles to {place}
            where is the turn to {place}
            walk with me to {place}
            get me over to {place}
            how long does it take to drive to {place}""",
        "validation": """
            which road leads to {place}
            set {place} as my destination
            how long is the drive to {place}
            point me to {place}
            i have to get to {place} what is the quickest way""",
        "test": """
            bring me to {place}
            which way is {place}
            how many miles from here to {place}
            get me to {place} as quickly as possible
            start driving to {place}
            i need to be at {place} which exit do i take
            walk me over to {place}
            change my destination to {place}
            where do i turn for {place}
            we have to go over to {place} which road is free
            head to the nearest {facility}""",
    },
    "weather": {
        "train": """
            how is the weather in {place}
            will it rain in {place} {day}
            what is the temperature at {place}
            i want to go to {place} is it cold there
            do i need an umbrella for {place} {day}
            weather forecast for {place}
            is it windy at {place} {day}
            is there snow in {place} {day}
            do i need a coat in {place}""",
        "validation": """
            how hot does it get in {place}
            what should i wear in {place} {day}
            check the weather around {place}""",
        "test": """
            is it sunny at {place} {day}
            should i take a coat to {place}
            how many degrees is it in {place}
            any chance of snow on the way to {place}
            will i get wet if i go to {place} {day}""",
    },
    "music": {
        "train": """
            play {song}
            i want to hear some {artist}
            put on {artist} for the drive to {place}
            play a song about {place}
            how does {song} go
            turn on {artist} music
            go to the next {artist} song
            listen to {song}""",
        "validation": """
            shuffle my {artist} songs
            loop {song}
            play me {song} again""",
        "test": """
            let me listen to {song}
            start my {artist} playlist
            i feel like {artist} on the way to {place}
            sing {song} for me
            how about some {artist} until we get to {place}""",
    },
    "call": {
        "train": """
            call {person}
            make a call to {person}
            phone the front desk at {place}
            dial {person}
            how do i call {place}
            go ahead and call {person} at {place}
            call {person} on the way to {place}
            i need to talk to {person}""",
        "validation": """
            place a call to {person}
            phone {person} back
            get the office at {place} on the phone""",
        "test": """
            ring {person}
            get {person} on the line
            i want to talk to {person} at {place}
            call up {place}
            phone {person} and ask the way to {place}""",
    },
    "message": {
        "train": """
            text {person} {text}
            send a message to {person} saying {text}
            tell {person} i will be at {place}
            message {person} that i want to go to {place}
            reply to {person} {text}
            ask {person} by text how to get to {place}
            write to {person} {text}""",
        "validation": """
            send {person} a text {text}
            leave a message for {person} {text}
            text {person} that i am at {place}""",
        "test": """
            let {person} know {text}
            drop {person} a line {text}
            tell {person} {text}
            send {person} my location at {place}
            ask {person} if we go to {place}""",
    },
    "alarm": {
        "train": """
            wake me up at {time}
            set an alarm for {time}
            remind me at {time} to go to {place}
            cancel the {time} alarm
            how do i turn off the {time} alarm
            remind me in {minutes}
            set a reminder to get to {place} at {time}
            let me know at {time}""",
        "validation": """
            alarm at {time}
            remind me to leave for {place} in {minutes}
            i need a reminder at {time}""",
        "test": """
            get me up at {time}
            let me know when it is {time} i have to go to {place}
            move my alarm to {time}
            ring in {minutes}
            do not let me forget {place} at {time}""",
    },
    "ticket": {
        "train": """
            book a {vehicle} ticket to {place}
            {vehicle} from {place} to {place2} {day}
            when does the {vehicle} to {place} leave
            i want to go to {place} by {vehicle} {day}
            how much is a {vehicle} ticket to {place}
            get me a seat on the {vehicle} to {place}
            {vehicle} timetable from {place} to {place2}
            how long is the {vehicle} ride to {place}""",
        "validation": """
            are there {vehicle} tickets to {place} {day}
            what time is the last {vehicle} to {place}
            reserve a {vehicle} to {place} {day}""",
        "test": """
            is there a {vehicle} to {place} {day}
            buy two tickets for {place}
            how long does the {vehicle} take to {place}
            what {vehicle} goes from {place} to {place2}
            change my {vehicle} to {place} to {day}""",
    },
    "news": {
        "train": """
            any news from {place}
            read me the {topic} news
            what happened in {place} {day}
            {topic} headlines {day}
            what is going on in {place}
            show me {topic} news about {place}
            how did the {topic} story in {place} go
            is there anything new about {topic}""",
        "validation": """
            latest {topic} news in {place}
            read the headlines about {place}
            what is new in {topic} {day}""",
        "test": """
            tell me what is happening at {place}
            catch me up on {topic}
            anything new in {place} {day}
            how is {topic} going in {place}
            give me the {topic} stories of {place}""",
    },
    "search": {
        "train": """
            find a {facility} near {place}
            what is there to do in {place}
            where can i find a {facility} in {place}
            i want to go to a good {facility}
            how good is the {facility} at {place}
            when does {place} open
            recommend a {facility} around {place}
            where can i park near {place}
            is {place} a nice place to go
            which {facility} is close to {place}""",
        "validation": """
            search for a {facility} by {place}
            best {facility} in {place}
            how late is {place} open""",
        "test": """
            which {facility} is closest to {place}
            is {place} worth going to
            where should i eat around {place}
            list every {facility} by {place}
            can i park at {place}""",
    },
}
