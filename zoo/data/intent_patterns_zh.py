"""Chinese sentence patterns of the embedded set: written for this project, free to use.

One pattern a line; the words in braces are slots, filled from `intent_words.py`. Train, validation and test have
patterns of their own. Places and the words of the way (去, 到, 怎么, 路) occur in every intent or in
several, so that neither a place nor a single word tells navigation apart.
"""

PATTERNS = {
    "navigation": {
        "train": """
            去{place}怎么走
            导航到{place}
            我要去{place}
            带我去{place}
            到{place}的路线
            从{place}到{place2}怎么走
            开车去{place}走哪条路
            {place}怎么去
            去{place}有多远
            我想去{place}帮我规划一下
            走高速去{place}
            去{place}不要走堵的路
            回{place}的路怎么走
            导航去{place}附近的{facility}
            走路到{place}要多久
            送我去{place}
            离{place}还有几公里
            我{day}要到{place}去
            目的地是{place}
            往{place}怎么开
            去{place}在哪个路口拐弯
            步行去{place}
            上高架去{place}
            设一条到{place}的路线""",
        "validation": """
            给我指一下去{place}的路
            到{place}要开多久
            往{place}方向怎么开
            把{place}设为终点
            开到{place}怎么最省时间
            {place}在哪个方向""",
        "test": """
            {place}怎么走最快
            送我到{place}
            前往{place}
            从我这里到{place}有多少公里
            找一条去{place}不堵的路
            目的地改成{place}
            步行到{place}要几分钟
            我{day}要到{place}去办事怎么过去
            骑车去{place}从哪儿拐
            出发去{place}
            去{place}要不要上高架
            到最近的{facility}怎么走""",
    },
    "weather": {
        "train": """
            {place}天气怎么样
            {day}{place}会下雨吗
            {place}{day}多少度
            我要去{place}那边{day}天气如何
            查一下{place}的天气预报
            去{place}要带伞吗
            {place}{day}冷不冷
            {day}{place}刮风吗
            {place}现在几度
            去{place}的高速有雾吗
            去{place}穿什么衣服
            {place}气温几度""",
        "validation": """
            {place}{day}穿什么合适
            {place}最近热吗
            看看{place}的气温""",
        "test": """
            {place}{day}是晴天吗
            {day}去{place}会不会淋雨
            现在{place}外面几度
            {place}的空气怎么样
            {day}到{place}用不用穿厚一点
            {place}{day}下不下雪
            去{place}的路上有雾吗""",
    },
    "music": {
        "train": """
            放一首{song}
            我想听{artist}
            来点{artist}音乐
            去{place}的路上放点歌
            播放{song}
            {song}怎么唱
            唱一首关于{place}的歌
            我要听{song}""",
        "validation": """
            循环播放{song}
            换一首{artist}的
            打开音乐听{song}""",
        "test": """
            给我来一首{song}
            开车去{place}先放点{artist}
            想听{song}这首歌
            有没有{artist}的曲子
            把{song}再放一遍
            到{place}之前一直放{artist}
            怎么没有{song}的声音""",
    },
    "call": {
        "train": """
            打电话给{person}
            给{person}打个电话
            呼叫{person}
            我要打给{place}的{person}
            给{place}前台打电话
            拨打{person}的手机
            {place}的电话怎么打
            去{place}之前先打给{person}
            联系{place}的{person}
            把{place}的电话给我拨过去
            接{person}的电话""",
        "validation": """
            帮我接通{person}
            打{place}的客服热线
            再给{person}拨一个""",
        "test": """
            联系一下{person}
            我要和{person}通话
            拨通{place}的电话
            打给{person}问他怎么去{place}
            给{person}去个电话
            {place}的号码帮我拨一下""",
    },
    "message": {
        "train": """
            给{person}发短信说{text}
            发消息给{person}{text}
            告诉{person}我在{place}等他
            发微信给{person}说我要去{place}
            回复{person}{text}
            给{person}留言{text}
            发短信问{person}怎么到{place}
            问{person}要不要去{place}""",
        "validation": """
            发条信息告诉{person}{text}
            跟{person}说我到{place}了
            微信回{person}{text}""",
        "test": """
            通知{person}{text}
            转告{person}我正去{place}
            写条短信给{person}{text}
            把我在{place}的位置发给{person}
            帮我跟{person}讲{text}
            问问{person}去不去{place}""",
    },
    "alarm": {
        "train": """
            {time}叫我起床
            定一个{time}的闹钟
            {day}{time}提醒我去{place}
            取消{time}的闹钟
            {time}的闹钟怎么关
            提醒我{time}到{place}接{person}
            设个{time}的闹铃
            过{minutes}叫我""",
        "validation": """
            {minutes}后提醒我出门
            {time}要去{place}记得提醒
            加一个{time}的闹钟""",
        "test": """
            {time}喊我一声
            别忘了{time}提醒我出发去{place}
            把闹钟调到{time}
            {day}{time}我要去{place}到时候叫我
            {minutes}以后响铃
            {time}我得到{place}怕睡过头""",
    },
    "ticket": {
        "train": """
            订一张去{place}的{vehicle}票
            从{place}到{place2}的{vehicle}票
            {day}去{place}的{vehicle}几点
            我要去{place}买{vehicle}票
            到{place}的{vehicle}还有票吗
            去{place}的{vehicle}票怎么买
            查{place}到{place2}的{vehicle}时刻表
            {day}从{place}到{place2}的{vehicle}
            去{place}的{vehicle}要开几个小时""",
        "validation": """
            看看{day}有去{place}的{vehicle}没
            {place}到{place2}的末班{vehicle}
            预订{day}飞{place}的机票""",
        "test": """
            有没有{day}到{place}的{vehicle}
            抢一张{place}的车票
            最早一班去{place}的{vehicle}什么时候开
            {vehicle}从{place}到{place2}要多少钱
            改签{day}到{place}的{vehicle}
            坐{vehicle}去{place}要几个小时""",
    },
    "news": {
        "train": """
            {place}有什么新闻
            看看{place}的{topic}新闻
            {day}{topic}有什么消息
            {place}最近发生了什么
            播报{topic}头条
            {place}出了什么事
            念一下{place}的新闻
            去{place}的路怎么上新闻了
            {place}{day}有什么大事
            了解一下{place}的{topic}""",
        "validation": """
            {place}{topic}新闻有哪些
            关于{place}的最新报道
            {topic}要闻念给我听""",
        "test": """
            {place}{day}有啥大事
            我想了解{place}的近况
            说说{place}{topic}方面的消息
            {place}的{topic}怎么了
            去过{place}的人都在说什么
            讲讲{place}的{topic}热点""",
    },
    "search": {
        "train": """
            {place}附近有什么{facility}
            去{place}有什么好玩的
            找一家{place}的{facility}
            {place}哪里有{facility}
            我想去{facility}推荐一家
            {place}的{facility}怎么样
            {place}几点开门
            搜一下{place}周边的{facility}
            {place}好玩吗
            到{place}去哪里吃好
            {place}好不好停车
            去{place}值不值得""",
        "validation": """
            {place}边上的{facility}有哪些
            {place}门票多少钱
            查查{place}的{facility}评价""",
        "test": """
            {place}旁边哪家{facility}好
            有没有离{place}近的{facility}
            到了{place}去哪吃饭
            介绍几家{place}的{facility}
            {place}那边停车方便吗
            {place}值得去吗""",
    },
}
